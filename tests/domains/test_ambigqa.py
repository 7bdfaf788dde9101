"""Domain `ambigqa`: answers of every reading, from both nestings, light and full."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from setwise.domains import Prepared
from setwise.domains.ambigqa import DOMAIN, AmbigqaParams
from setwise.errors import InputError


def _single(*aliases: str) -> dict[str, Any]:
    return {"type": "singleAnswer", "answer": list(aliases)}


def _multiple(*answers: list[str]) -> dict[str, Any]:
    return {"type": "multipleQAs", "qaPairs": [{"question": f"Which {a[0]}?", "answer": a} for a in answers]}


def _row(question: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": question, "question": question, "annotations": list(annotations)}


_ROWS = [
    _row("How long?", _multiple(["30 days", "30"], ["60"])),
    _row("Who?", _single("Ada Lovelace", "Lovelace")),
    _row("When?", _multiple(["1901"], ["1905"]), _single("the 1905", "December 1905")),
]


def _as_hub(row: dict[str, Any]) -> dict[str, Any]:
    """The same row with lists of objects as objects of lists, and empty lists for the keys a type lacks."""
    annotations = row["annotations"]
    pairs = [a.get("qaPairs", []) for a in annotations]
    return row | {
        "annotations": {
            "type": [a["type"] for a in annotations],
            "answer": [a.get("answer", []) for a in annotations],
            "qaPairs": [{"question": [p["question"] for p in q], "answer": [p["answer"] for p in q]} for q in pairs],
        }
    }


def _load(train: object, **params: object) -> Prepared:
    return DOMAIN.load(AmbigqaParams.model_validate({"train": train, "test_size": 1} | params), 0)


def _golds(prepared: Prepared) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {e.question: e.gold for examples in prepared.splits.values() for e in examples}


_GOLDS = {
    "How long?": (("30 days", "30"), ("60",)),
    "Who?": (("Ada Lovelace", "Lovelace"),),
    "When?": (("1901",), ("1905", "the 1905", "December 1905")),
}


class TestNestings:
    def test_gold_is_every_answer_with_its_aliases_and_annotators_joined(self, write_rows: Any) -> None:
        assert _golds(_load(write_rows("a.jsonl", _ROWS))) == _GOLDS

    def test_the_full_annotations_give_the_same(self, write_rows: Any) -> None:
        more = {"viewed_doc_titles": ["T"], "used_queries": [{"query": "q", "results": []}], "nq_answer": ["x"]}
        assert _golds(_load(write_rows("a.jsonl", [row | more for row in _ROWS]))) == _GOLDS

    def test_the_columns_of_the_hub_give_the_same(self, write_hub: Callable[..., str]) -> None:
        folder = write_hub("ambig_qa", [_as_hub(row) for row in _ROWS])
        assert _golds(_load({"hub": folder, "split": "train"})) == _GOLDS

    def test_a_hub_folder_of_plain_objects_gives_the_same(self, write_hub: Callable[..., str]) -> None:
        assert _golds(_load({"hub": write_hub("ambig_qa", _ROWS), "split": "train"})) == _GOLDS

    def test_annotations_in_a_csv_give_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import pandas as pd

        monkeypatch.chdir(tmp_path)
        rows = [row | {"annotations": json.dumps(row["annotations"])} for row in _ROWS]
        pd.DataFrame(rows).to_csv("a.csv", index=False)
        assert _golds(_load("a.csv")) == _GOLDS


class TestGold:
    def test_single_answers_of_several_annotators_are_spellings_of_one(self, write_rows: Any) -> None:
        rows = [*_ROWS, _row("Year?", _single("1950"), _single("in 1950"))]
        assert _golds(_load(write_rows("a.jsonl", rows)))["Year?"] == (("1950", "in 1950"),)

    def test_readings_with_the_same_answer_are_one_gold_answer(self, write_rows: Any) -> None:
        rows = [*_ROWS, _row("Two?", _multiple(["Paris."], ["Rome"], ["the paris", "Lutetia"]))]
        assert _golds(_load(write_rows("a.jsonl", rows)))["Two?"] == (("Paris.", "the paris", "Lutetia"), ("Rome",))

    def test_an_answer_that_links_two_which_an_annotator_tells_apart_joins_neither(self, write_rows: Any) -> None:
        rows = [*_ROWS, _row("Link?", _single("c1", "a1"), _multiple(["a1"], ["b1"], ["c1"]))]
        assert _golds(_load(write_rows("a.jsonl", rows)))["Link?"] == (("a1",), ("b1",), ("c1",))

    def test_only_ambiguous_questions_are_kept_where_asked_and_the_others_counted(self, write_rows: Any) -> None:
        prepared = _load(write_rows("a.jsonl", _ROWS), questions="ambiguous")
        assert set(_golds(prepared)) == {"How long?", "When?"}
        assert sum(prepared.dropped.values()) == 1

    def test_the_domain_is_open_and_not_exclusive(self, write_rows: Any) -> None:
        prepared = _load(write_rows("a.jsonl", _ROWS))
        assert prepared.vocabulary is None
        assert {(e.exclusive, e.match) for e in prepared.splits["train"]} == {(False, "text")}


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"type": "manyAnswers"}, "annotation type 'manyAnswers' is neither singleAnswer nor multipleQAs"),
        ({"type": "singleAnswer", "answer": []}, "annotations.answer names no answer"),
        ({"type": "singleAnswer", "answer": [" "]}, "annotations.answer is empty"),
        ({"type": "singleAnswer", "answer": "['a' 'b']"}, "annotations.answer is neither JSON nor a Python literal (t"),
        ({"type": "singleAnswer", "answer": "Paris"}, "annotations.answer is neither JSON nor a Python literal (Paris"),
        ({"type": "multipleQAs", "qaPairs": []}, "annotations hold no answer"),
        ({"type": "multipleQAs"}, "annotations.qaPairs is a NoneType"),
        ("singleAnswer", "annotations holds 'singleAnswer'"),
    ],
)
def test_a_row_without_a_usable_answer_is_named(write_rows: Any, annotation: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(write_rows("a.jsonl", [*_ROWS, _row("Bad?", annotation)]))
    assert str(caught.value).startswith(f"a.jsonl row 4: {message}")


def test_a_file_of_another_dataset_is_refused(write_rows: Any) -> None:
    with pytest.raises(
        InputError, match=r"a\.jsonl row 1: column 'annotations' is missing .*; use the rows of AmbigNQ"
    ):
        _load(write_rows("a.jsonl", [{"question": "q", "answer": "a"}]))


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
def test_every_real_row_is_read_and_meets_the_expectations() -> None:
    folder = "${SETWISE_REAL_DATA}/ambignq_light_"
    prepared = _load(folder + "train.jsonl.gz", test=folder + "dev.jsonl.gz", test_size=None)
    assert {split: len(examples) for split, examples in prepared.splits.items()} == {"test": 2002, "train": 10036}
    examples = [e for split in prepared.splits.values() for e in split]
    assert [(x.name, e) for e in examples for x in DOMAIN.expectations() if not x.holds(e)] == []
    assert {split: sum(len(e.gold) > 1 for e in rows) for split, rows in prepared.splits.items()} == {
        "test": 1152,
        "train": 4589,
    }


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("When did the ranch season 2 come out?", {"June 16, 2017", "December 15, 2017"}),
        ("What are the 2 parks at euro disney?", {"Disneyland Park", "Walt Disney Studios Park"}),
    ],
)
def test_answers_of_real_annotators_stay_apart(question: str, answers: set[str]) -> None:
    folder = "${SETWISE_REAL_DATA}/ambignq_light_"
    prepared = _load(folder + "train.jsonl.gz", test=folder + "dev.jsonl.gz", test_size=None)
    [gold] = [gold for asked, gold in _golds(prepared).items() if asked == question]
    assert len([answer for answer in gold if set(answer) & answers]) == len(answers)
