"""A completion whose checks came to no verdict has no reward: it is neither wrong nor right, and it is counted."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Gold
from setwise.methods import METHODS
from setwise.rewards import make_reward

GOLD = [["Paris"], ["Rome"]]
ANSWERS = {
    "decided": ("Paris", "Oslo", "Rome"),
    "undecided": ("Paris", "unsure", "Rome"),
    "repeated": ("Paris", "unsure", "paris"),
}


def completion(kind: str, confidences: bool = True) -> str:
    return render(AnswerSet(ANSWERS[kind], (0.5, 0.5, 0.5) if confidences else None), Layout(3, confidences))


def rewards(reward: Any, *texts: str, **options: Any) -> list[float | None]:
    found: list[float | None] = reward(["?"] * len(texts), texts, gold=[GOLD] * len(texts), **options)
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("parts", [{}, {"correctness": 0, "brier": 0}, {"format": 0}])
def test_the_reward_of_an_undecided_completion_is_none(unsure: str, method: str, parts: dict[str, float]) -> None:
    reward = make_reward(method, weights=parts, match=unsure)
    stated = (0.5,) * reward.k if reward.method.confidences else None
    texts = [render(AnswerSet((*ANSWERS["decided"][: reward.k - 1], last), stated), reward.layout) for last in "ab"]
    texts.append(texts[0].replace("> a <", "> unsure <"))
    found = rewards(reward, *texts)
    assert None not in found[:2] and found[2] is None


def test_a_completion_that_is_invalid_in_any_case_is_paid_as_invalid(unsure: str) -> None:
    assert rewards(make_reward("rlcr_multi", match=unsure), completion("repeated")) == [-1.0]
    strict = make_reward("rlcr_multi", match=unsure, sum_rule="invalid")
    assert rewards(strict, completion("undecided"), exclusive=[True]) == [-1.0]
    assert rewards(strict, completion("undecided"), exclusive=[False]) == [None]


def test_a_breakdown_without_a_verdict_has_no_numbers(unsure: str) -> None:
    gold = Gold((("Paris",), ("Rome",)), unsure)
    decided, undecided = make_reward("rlcr_multi").breakdown(
        [completion("decided"), completion("undecided")], [gold] * 2
    )
    assert decided.decided and not undecided.decided
    assert all(map(math.isnan, (undecided.total, undecided.format, *undecided.correctness, *undecided.brier)))
    assert len(undecided.correctness) == len(undecided.brier) == 3 and undecided.spans is not None


def test_undecided_completions_are_counted_and_in_no_mean(
    unsure: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    logged: list[dict[str, float]] = [{}, {}]
    reward = make_reward("rlcr_multi", match=unsure)
    texts = [completion("decided"), completion("repeated"), "nothing"]
    with caplog.at_level(logging.WARNING):
        rewards(reward, *texts, *[completion("undecided")] * 5, log_metric=logged[0].__setitem__)
    rewards(make_reward("rlcr_multi"), *texts, log_metric=logged[1].__setitem__)
    counts = {"rlcr_multi/undecided": 5 / 8, "rlcr_multi/undecided_checks": 6.0}
    assert logged[0] == logged[1] | counts
    assert "6 checks came to no verdict (unsure_timed_out: 6); 5 of 8 completions have no reward" in caplog.text


def test_a_batch_without_any_verdict_has_no_means(unsure: str) -> None:
    logged: dict[str, float] = {}
    found = rewards(
        make_reward("rlcr_multi", match=unsure), *[completion("undecided")] * 2, log_metric=logged.__setitem__
    )
    assert found == [None, None]
    assert logged == {"rlcr_multi/undecided": 1.0, "rlcr_multi/undecided_checks": 2.0}


def test_the_table_of_completions_leaves_the_parts_of_an_undecided_one_empty(unsure: str) -> None:
    columns: dict[str, list[Any]] = {}
    texts = [completion("decided"), completion("undecided")]
    rewards(make_reward("rlcr_multi", match=unsure), *texts, log_extra=columns.__setitem__)
    assert columns["rlcr_multi/reason"] == ["", "undecided"]
    for part in ("format", "correctness", "brier", "hits"):
        assert columns[f"rlcr_multi/{part}"][1] is None and columns[f"rlcr_multi/{part}"][0] is not None
