"""What holds for every completion, gold and setting."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Gold, judge
from setwise.matching.text import normalise_text
from setwise.methods import METHODS
from setwise.rewards import SetReward, make_reward

NAMES = [f"city {letter}" for letter in "pqrstuvwxyz"]
NAMES += ["5", "-5", "½", "-½", "1.5", "√2", "-√2", "x - 1", "x + 1", "O +", "O -", "A minor", "minor"]
TAGS = ["think", "analysis", *[f"{tag}{n}" for tag in ("answer", "confidence") for n in ("", 1, 2, 3, 4, 99)]]
FRAGMENTS = [f"<{slash}{tag}>" for tag in TAGS for slash in ("", "/")]
FRAGMENTS += [" ", "\n", "0.5", "1.5", ".", "a", "city p", "\ufffd", "\ud800"]
golds = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2), min_size=1, max_size=4)
soup = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


@st.composite
def rewards(draw: st.DrawFn) -> SetReward:
    """Any reward that can be made."""
    parts = ("format", "correctness", "brier")
    return make_reward(
        draw(st.sampled_from(list(METHODS))),
        k=draw(st.integers(1, 4)),
        credit=draw(st.sampled_from(["count", "any", "fraction"])),
        weights={part: draw(st.floats(0, 10)) for part in parts},
        sum_rule=draw(st.sampled_from(["format", "invalid", "off"])),
        analysis=draw(st.booleans()),
    )


@st.composite
def sets(draw: st.DrawFn, reward: SetReward) -> AnswerSet:
    """A set of distinct names that `reward` reads."""
    answers = draw(st.lists(st.sampled_from(NAMES), min_size=reward.k, max_size=reward.k, unique=True))
    confidences = draw(st.lists(st.floats(0, 1), min_size=reward.k, max_size=reward.k))
    return AnswerSet(tuple(answers), tuple(confidences) if reward.method.confidences else None)


def score(reward: SetReward, completion: Any, gold: Any, exclusive: bool = False) -> float:
    return reward(["?"], [completion], gold=[gold], exclusive=[exclusive])[0]


@given(st.data(), rewards(), golds, st.booleans())
def test_the_reward_of_a_rendered_set_is_the_formula(
    data: st.DataObject, reward: SetReward, gold: list[list[str]], exclusive: bool
) -> None:
    stated = data.draw(sets(reward))
    hits = [int(any(answer in aliases for aliases in gold)) for answer in stated.answers]
    owners = [{i for i, aliases in enumerate(gold) if answer in aliases} for answer in stated.answers]
    shared = any(a & b for i, a in enumerate(owners) for b in owners[:i])
    linked = any(set(a) & set(b) for i, a in enumerate(gold) for b in gold[:i])
    assume(not shared and not linked)  # then two answers may be one, as other tests have it
    k, w, q = reward.k, reward.weights, stated.confidences
    credit = {"count": sum(hits), "any": max(hits), "fraction": sum(hits) / k}[reward.credit]
    brier = sum((q[i] - hits[i]) ** 2 for i in range(k)) / k if q else 0.0
    expected = w.format + w.correctness * credit - w.brier * brier
    if exclusive and q and sum(q) > 1 + reward.tolerance:
        expected = {"format": expected - w.format, "invalid": -w.brier, "off": expected}[reward.sum_rule]
    assert score(reward, render(stated, reward.layout), gold, exclusive) == pytest.approx(expected, abs=1e-9)


@given(rewards(), soup | st.text() | st.none() | st.binary() | st.integers(), golds, st.booleans())
def test_no_completion_crashes_and_none_is_below_an_invalid_one(
    reward: SetReward, completion: Any, gold: list[list[str]], exclusive: bool
) -> None:
    invalid = score(reward, None, gold, exclusive)
    found = score(reward, completion, gold, exclusive)
    assert found >= invalid
    if not judge(completion, Gold(tuple(map(tuple, gold))), reward.layout).valid:
        assert found == invalid


@given(st.data(), rewards(), golds, st.booleans())
def test_an_invalid_completion_is_never_above_a_valid_one(
    data: st.DataObject, reward: SetReward, gold: list[list[str]], exclusive: bool
) -> None:
    valid = score(reward, render(data.draw(sets(reward)), reward.layout), gold, exclusive)
    assert score(reward, "no set", gold, exclusive) <= valid + 1e-9


@given(st.data(), rewards(), golds, st.integers(0, 3))
def test_a_duplicate_in_the_place_of_an_answer_never_raises_the_reward(
    data: st.DataObject, reward: SetReward, gold: list[list[str]], spelling: int
) -> None:
    assume(reward.k > 1)
    stated = data.draw(sets(reward))
    source, target = data.draw(st.permutations(range(reward.k)))[:2]
    again = ["{}", "the {}", "{}.", "“{}”"][spelling].format(stated.answers[source])
    answers = [again if i == target else answer for i, answer in enumerate(stated.answers)]
    with_duplicate = render(AnswerSet(tuple(answers), stated.confidences), reward.layout)
    assert score(reward, with_duplicate, gold) <= score(reward, render(stated, reward.layout), gold) + 1e-9


@given(st.data(), rewards(), st.randoms(use_true_random=False))
def test_permuting_the_batch_permutes_the_rewards(
    data: st.DataObject, reward: SetReward, generator: random.Random
) -> None:
    completions = st.one_of(soup, sets(reward).map(lambda stated: render(stated, reward.layout)))
    rows = data.draw(st.lists(st.tuples(completions, golds, st.booleans()), max_size=6))
    order = list(range(len(rows)))
    generator.shuffle(order)

    def score_all(batch: list[tuple[str, Any, bool]]) -> list[float]:
        completions, gold, exclusive = zip(*batch, strict=True) if batch else ((), (), ())
        return reward(["?"] * len(batch), list(completions), gold=list(gold), exclusive=list(exclusive))

    before = score_all(rows)
    assert score_all([rows[i] for i in order]) == [before[i] for i in order]


@given(st.data(), rewards(), golds)
def test_the_order_of_gold_answers_and_aliases_does_not_count(
    data: st.DataObject, reward: SetReward, gold: list[list[str]]
) -> None:
    completion = render(data.draw(sets(reward)), reward.layout)
    shuffled = [data.draw(st.permutations(aliases)) for aliases in data.draw(st.permutations(gold))]
    assert score(reward, completion, shuffled) == score(reward, completion, gold)


@given(st.data(), rewards(), golds)
def test_the_parts_sum_to_the_reward(data: st.DataObject, reward: SetReward, gold: list[list[str]]) -> None:
    completion = data.draw(st.one_of(soup, sets(reward).map(lambda stated: render(stated, reward.layout))))
    parts = reward.breakdown([completion], [Gold(tuple(map(tuple, gold)))])[0]
    assert parts.total == pytest.approx(parts.format + sum(parts.correctness) + sum(parts.brier), abs=1e-9)
    assert parts.total == score(reward, completion, gold)
    assert len(parts.correctness) == reward.k
    assert len(parts.brier) == (reward.k if reward.method.confidences else 0)


@given(st.text(), st.text())
def test_two_answers_share_a_key_exactly_if_their_normal_forms_are_equal(one: str, other: str) -> None:
    layout = Layout(2)
    try:
        completion = render(AnswerSet((one, other)), layout)
    except ValueError:
        assume(False)
    found = judge(completion, Gold((("nothing like it",),)), layout)
    assert found.valid == (normalise_text(one.strip()) != normalise_text(other.strip()))
