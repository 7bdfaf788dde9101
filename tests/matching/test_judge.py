"""The judge: keys, hits and reasons of whole completions, each row by its own rule."""

from __future__ import annotations

import threading

import pytest

from setwise.answers import AnswerSet, Layout, Reason, render
from setwise.errors import InputError
from setwise.matching import Gold, judge, judge_batch, judge_once
from setwise.matching.memo import BatchMemo

LAYOUT = Layout(k=2, confidences=True)
GOLD = Gold((("Paris",), ("London",)))


def text(*answers: str, q: tuple[float, ...] = (0.5, 0.25), why: str = "") -> str:
    return render(AnswerSet(answers, q, why), LAYOUT)


def test_a_valid_set_has_keys_hits_and_confidences_in_its_own_order() -> None:
    found = judge(text("Rome", "the london", why="capitals"), GOLD, LAYOUT)
    assert found.valid
    assert (found.answers, found.keys) == (("Rome", "the london"), ("text:rome", "gold:1"))
    assert (found.hits, found.confidences, found.reasoning) == ((0, 1), (0.5, 0.25), "capitals")


def test_duplicates_are_invalid_but_kept_for_display() -> None:
    for answers in (("Paris", "Paris."), ("Oslo", "the OSLO")):
        found = judge(text(*answers), GOLD, LAYOUT)
        assert found.reason is Reason.DUPLICATE
        assert (found.answers, found.hits, found.confidences) == (answers, (0, 0), (0.5, 0.25))


def test_an_unreadable_completion_keeps_what_was_read_and_hits_nothing() -> None:
    found = judge(text("Paris", "London") + " bye", GOLD, LAYOUT)
    assert (found.reason, found.answers, found.hits) == (Reason.STRAY_TEXT, ("Paris", "London"), (0, 0))


def test_spans_come_with_the_judgement() -> None:
    completion = text("Paris", "Rome")
    spans = judge(completion, GOLD, LAYOUT).spans
    assert spans is not None
    assert completion[slice(*spans.answers[1])] == "<answer2> Rome </answer2>"
    assert completion[slice(*spans.confidences[0])] == "<confidence1> 0.50 </confidence1>"


def test_gold_of_one_row_never_reaches_another() -> None:
    golds = [Gold((("Paris",),)), Gold((("Rome",),)), Gold((("Paris",),))]
    batch = judge_batch([text("Paris", "Rome")] * 3, golds, LAYOUT)
    assert [judgement.hits for judgement in batch] == [(1, 0), (0, 1), (1, 0)]


def test_rows_of_different_sources_are_judged_each_by_its_own_rule() -> None:
    golds = [Gold((("the 1/2",),), match) for match in ("exact", "text", "math")]
    batch = judge_batch([text("1/2", "0.5")] * 2 + [text("0.5", "7")], [*golds[:2], Gold((("1/2",),), "math")], LAYOUT)
    assert [judgement.hits for judgement in batch] == [(0, 0), (1, 0), (1, 0)]


def test_a_batch_larger_than_a_chunk_comes_back_in_order() -> None:
    names = [f"place {i}" for i in range(5000)]
    golds = [Gold(((name,),)) for name in names]
    batch = judge_batch([text("nowhere", name) for name in names], golds, LAYOUT)
    assert [judgement.answers[1] for judgement in batch] == names
    assert all(judgement.hits == (0, 1) for judgement in batch)


def test_the_reasoning_and_the_places_can_be_left_out() -> None:
    completion = text("Rome", "Paris", why="so")
    full, short = [judge_batch([completion], [GOLD], LAYOUT, full=full)[0] for full in (True, False)]
    assert (full.reasoning, short.reasoning, short.spans) == ("so", "", None)
    assert short == full._replace(reasoning="", blocks=())


def test_an_unknown_matcher_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown match 'fuzzy': use one of exact, text, math, code"):
        judge(text("a", "b"), Gold((("a",),), match="fuzzy"), LAYOUT)


def test_an_empty_batch_is_judged() -> None:
    assert judge_batch([], [], LAYOUT) == []


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that are judged for real."""
    sizes: list[int] = []

    def counting(texts: list[object], *rest: object, **options: object) -> list[object]:
        sizes.append(len(texts))
        return judge_batch(texts, *rest, **options)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr("setwise.matching.memo.judge_batch", counting)
    return sizes


def test_a_batch_is_judged_once_however_often_it_is_asked_for(counted: list[int]) -> None:
    memo = BatchMemo(size=2)
    texts = [text("Paris", "Rome"), text("Oslo", "Bern")]
    first = memo.judge(texts, [GOLD, GOLD], LAYOUT)
    assert memo.judge(list(texts), [GOLD, Gold((("Paris",), ("London",)))], LAYOUT) == first
    assert counted == [2]
    memo.judge(texts, [GOLD, Gold((("Bern",),))], LAYOUT)
    memo.judge(texts, [GOLD, GOLD], Layout(k=2))
    memo.judge(texts, [GOLD, GOLD], LAYOUT)
    assert counted == [2, 2, 2, 2], "other gold, another layout, and one that was pushed out"


def test_threads_that_ask_about_one_batch_share_its_judgement(counted: list[int]) -> None:
    memo = BatchMemo(size=2)
    texts = [text(f"place {i}", "Rome") for i in range(3000)]
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(memo.judge(texts, [GOLD] * 3000, LAYOUT))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [3000]
    assert len(found) == 4 and all(judgements is found[0] for judgements in found)


def test_a_batch_that_fails_is_not_remembered() -> None:
    bad = Gold((("a",),), match="fuzzy")
    for _ in range(2):
        with pytest.raises(InputError):
            judge_once([text("a", "b")], [bad], LAYOUT)
