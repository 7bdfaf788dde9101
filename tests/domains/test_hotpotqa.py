"""Domain `hotpotqa`: the paragraphs of both nestings, and the modified protocol."""

import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from setwise.domains import Prepared
from setwise.domains.hotpotqa import DOMAIN, HotpotqaParams, bare_question
from setwise.errors import InputError


def _row(number: int, distractors: int = 3) -> dict[str, Any]:
    titles = ["Gold A", *(f"Other {i}" for i in range(distractors)), "Gold B"]
    return {
        "_id": f"id{number}",
        "question": f"Who wrote book {number}?",
        "answer": f"Author {number}",
        "context": [[title, [f"{title} begins.", " It ends."]] for title in titles],
        "supporting_facts": [["Gold A", 0], ["Gold B", 1], ["Gold A", 1]],
    }


def _as_hub(row: dict[str, Any]) -> dict[str, Any]:
    context, facts = row["context"], row["supporting_facts"]
    return row | {
        "context": {"title": [t for t, _ in context], "sentences": [s for _, s in context]},
        "supporting_facts": {"title": [t for t, _ in facts], "sent_id": [i for _, i in facts]},
    }


def _load(train: object, seed: int = 0, **params: object) -> Prepared:
    return DOMAIN.load(HotpotqaParams.model_validate({"train": train, "test_size": 1} | params), seed)


def _questions(prepared: Prepared) -> list[str]:
    return [e.question for examples in prepared.splits.values() for e in examples]


def test_the_prompt_is_the_paragraphs_then_the_question(write_rows: Any) -> None:
    [example] = _load(write_rows("h.jsonl", [_row(0, 1)] * 2 + [_row(1, 1)]), modified=False).splits["train"]
    number = bare_question(example).removeprefix("Who wrote book ").removesuffix("?")
    assert example.question == (
        "Gold A: Gold A begins. It ends.\nOther 0: Other 0 begins. It ends.\nGold B: Gold B begins. It ends.\n\n"
        f"Question: Who wrote book {number}?"
    )
    assert example.gold == ((f"Author {number}",),)
    assert (example.exclusive, example.columns) == (True, {"removed": 0})


def test_both_nestings_and_a_csv_give_the_same_examples(
    write_rows: Any, write_hub: Callable[..., str], tmp_path: Any
) -> None:
    import pandas as pd

    rows = [_row(i) for i in range(4)]
    expected = _questions(_load(write_rows("h.jsonl", rows)))
    hub = {"hub": write_hub("hotpot_qa", [_as_hub(row) for row in rows]), "split": "train"}
    assert _questions(_load(hub)) == expected
    flat = [row | {key: json.dumps(row[key]) for key in ("context", "supporting_facts")} for row in rows]
    pd.DataFrame(flat).to_csv(tmp_path / "h.csv", index=False)
    assert _questions(_load("h.csv")) == expected


class TestModified:
    def test_none_one_or_both_supporting_paragraphs_are_removed_and_said(self, write_rows: Any) -> None:
        examples = _load(write_rows("h.jsonl", [_row(i) for i in range(301)])).splits["train"]
        for example in examples:
            assert example.question.count("Gold ") // 2 == 2 - example.columns["removed"]
            assert example.question.count("Other ") == 6
        counts = Counter(e.columns["removed"] for e in examples)
        assert set(counts) == {0, 1, 2} and min(counts.values()) > 70

    def test_either_of_the_two_may_be_the_one_removed(self, write_rows: Any) -> None:
        examples = _load(write_rows("h.jsonl", [_row(i) for i in range(60)])).splits["train"]
        left = {"Gold A:" in e.question for e in examples if e.columns["removed"] == 1}
        assert left == {True, False}

    def test_the_seed_and_the_question_alone_decide_what_is_removed(self, write_rows: Any) -> None:
        rows = [_row(i) for i in range(30)]
        first = write_rows("h.jsonl", rows)
        second = write_rows("reversed.jsonl", rows[::-1])
        assert set(_questions(_load(first, 3))) == set(_questions(_load(second, 3)))
        assert set(_questions(_load(first, 3))) != set(_questions(_load(first, 4)))

    def test_a_question_is_the_same_whatever_paragraphs_stand_with_it(self, write_rows: Any) -> None:
        test = write_rows("test.jsonl", [_row(0, 1)])
        prepared = _load(write_rows("h.jsonl", [_row(0), _row(1)]), test=test, test_size=None)
        assert [bare_question(e) for e in prepared.splits["train"]] == ["Who wrote book 1?"]
        assert prepared.dropped == {"train: question already in test": 1}


@pytest.mark.parametrize("nest", [lambda row: row, _as_hub])
class TestTitlesThatStandTwice:
    def _examples(self, write_rows: Any, nest: Any, twin: list[Any], **params: object) -> Any:
        rows = [_row(i) for i in range(60)]
        rows = [nest(row | {"context": [*row["context"], twin]}) for row in rows]
        return _load(write_rows("h.jsonl", rows), **params).splits["train"]

    def test_both_paragraphs_are_shown(self, write_rows: Any, nest: Any) -> None:
        for example in self._examples(write_rows, nest, ["Other 0", ["The twin."]], modified=False):
            assert "Other 0: Other 0 begins. It ends.\n" in example.question
            assert "\nOther 0: The twin.\n" in example.question

    def test_what_is_removed_of_the_support_leaves_nothing_under_its_title(self, write_rows: Any, nest: Any) -> None:
        examples = self._examples(write_rows, nest, ["Gold A", ["The twin."]])
        for example in examples:
            left = {title for title in ("Gold A", "Gold B") if f"{title}: " in example.question}
            assert len(left) == 2 - example.columns["removed"]
            assert ("The twin." in example.question) is ("Gold A begins." in example.question)
        assert {example.columns["removed"] for example in examples} == {0, 1, 2}

    def test_distractors_are_counted_one_by_one(self, write_rows: Any, nest: Any) -> None:
        examples = self._examples(write_rows, nest, ["Other 0", ["The twin."]], distractors=1)
        assert {example.question.count("Other ") + example.question.count("The twin.") for example in examples} == {2}
        assert {"The twin." in example.question for example in examples} == {True, False}


def test_a_title_of_two_lines_does_not_look_like_two_paragraphs(write_rows: Any) -> None:
    facts = {"context": [["Gold\nA", ["a"]], ["B", ["b"]]], "supporting_facts": [["Gold\nA", 0], ["B", 0]]}
    prepared = _load(write_rows("h.jsonl", [_row(0) | facts, _row(1) | facts]), modified=False)
    assert all(question.startswith("Gold A: a\nB: b\n\nQuestion: ") for question in _questions(prepared))


def test_distractors_are_cut_to_the_number_asked_for(write_rows: Any) -> None:
    for example in _load(write_rows("h.jsonl", [_row(i, 5) for i in range(9)]), distractors=2).splits["train"]:
        assert example.question.count("Other ") == 4
        assert example.question.count("Gold ") // 2 == 2 - example.columns["removed"]


def test_a_context_without_both_supporting_paragraphs_is_dropped_and_counted(write_rows: Any) -> None:
    lacking = _row(9) | {"supporting_facts": [["Gold A", 0], ["Elsewhere", 0]]}
    prepared = _load(write_rows("h.jsonl", [_row(0), _row(1), lacking]))
    assert sum(prepared.dropped.values()) == 1
    assert "does not hold two supporting paragraphs" in next(iter(prepared.dropped))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": ""}, "answer is empty"),
        ({"context": [["Gold A", "text"]]}, "context.sentences is neither JSON nor a Python literal"),
        ({"context": [["Gold A"]]}, "context holds ['Gold A'], not title, sentences"),
        ({"context": [["Gold A", [1]]]}, "context holds a paragraph that is no title and sentences"),
        ({"question": None}, "question is a NoneType"),
        ({"context": [["Gold A", ["a\ud800"]]]}, "context holds half a character ('\\ud800')"),
        ({"context": [["Gold\ud800", ["a"]]]}, "context holds half a character ('\\ud800')"),
        ({"context": "[['Gold A', ['a' 'b']]]"}, "context is neither JSON nor a Python literal (texts stand side by"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(write_rows: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(write_rows("h.jsonl", [_row(0), _row(1) | change]))
    assert str(caught.value).startswith(f"h.jsonl row 2: {message}")


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
def test_every_real_row_is_read_and_meets_the_expectations() -> None:
    prepared = _load("${SETWISE_REAL_DATA}/hotpotqa_train_distractor_100.jsonl.gz", test_size=30)
    assert {split: len(examples) for split, examples in prepared.splits.items()} == {"test": 30, "train": 70}
    examples = [e for split in prepared.splits.values() for e in split]
    assert [(x.name, e) for e in examples for x in DOMAIN.expectations() if not x.holds(e)] == []
    assert {e.columns["removed"] for e in examples} == {0, 1, 2}
