"""Set rewards: the paper's formulas by hand, the options, and TRL's protocol."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import setwise.rewards
from setwise.answers import AnswerSet, Layout, render
from setwise.errors import InputError
from setwise.matching import Gold
from setwise.rewards import SetReward, make_reward, rlcr_multi, rlcr_single, rlvr_multi, rlvr_single

GOLD = [[["Paris", "Paname"], ["Rome"]]]


def three(*confidences: float) -> str:
    """A set with the hits 1, 0, 1 on `GOLD`; with confidences if any are given."""
    return render(AnswerSet(("Paris", "Oslo", "Rome"), confidences or None), Layout(3, bool(confidences)))


def one(answer: str, confidence: float | None = None) -> str:
    confidences = None if confidence is None else (confidence,)
    return render(AnswerSet((answer,), confidences), Layout(1, confidence is not None))


def score(reward: SetReward, completion: Any, **columns: Any) -> float:
    return reward(["?"], [completion], gold=GOLD, **columns)[0]


def test_rlvr_single_is_format_and_correctness() -> None:
    assert score(rlvr_single, one("paname")) == 1 + 1
    assert score(rlvr_single, one("Oslo")) == 1 + 0
    assert score(rlvr_single, "Oslo") == 0


def test_rlcr_single_takes_off_the_brier_score() -> None:
    assert score(rlcr_single, one("Rome", 0.7)) == pytest.approx(1 + 1 - 0.3**2)
    assert score(rlcr_single, one("Oslo", 0.7)) == pytest.approx(1 + 0 - 0.7**2)
    assert score(rlcr_single, one("Rome")) == -1


def test_rlvr_multi_counts_the_hits() -> None:
    assert score(rlvr_multi, three()) == 1 + 2
    assert score(rlvr_multi, three(0.1, 0.1, 0.1)) == 0, "confidences that were not asked for"


def test_rlcr_multi_takes_off_the_mean_brier_score_of_the_set() -> None:
    assert score(rlcr_multi, three(0.9, 0.2, 0.5)) == pytest.approx(1 + 2 - (0.1**2 + 0.2**2 + 0.5**2) / 3)
    assert score(rlcr_multi, three()) == -1


def test_k_and_weights_are_options() -> None:
    reward = make_reward("rlcr_multi", k=2, weights={"format": 0.5, "correctness": 2, "brier": 4})
    completion = render(AnswerSet(("Oslo", "Rome"), (0.5, 1.0)), Layout(2, True))
    assert score(reward, completion) == pytest.approx(0.5 + 2 * 1 - 4 * (0.5**2 + 0) / 2)
    assert score(reward, "nothing") == -4


@pytest.mark.parametrize(("credit", "expected"), [("count", 2.0), ("any", 1.0), ("fraction", 2 / 3)])
def test_credit_says_how_hits_are_paid(credit: Any, expected: float) -> None:
    assert score(make_reward("rlvr_multi", credit=credit), three()) == pytest.approx(1 + expected)


BRIER = (0.1**2 + 0.9**2 + 0.1**2) / 3
RULES = {"format": 2 - BRIER, "invalid": -1.0, "off": 1 + 2 - BRIER}


@pytest.mark.parametrize("rule", RULES)
def test_the_sum_rule_says_what_a_sum_above_one_costs_an_exclusive_question(rule: Any) -> None:
    reward, stated = make_reward("rlcr_multi", sum_rule=rule), three(0.9, 0.9, 0.9)
    assert score(reward, stated, exclusive=[True]) == pytest.approx(RULES[rule])


@pytest.mark.parametrize("rule", RULES)
def test_the_sum_rule_is_not_asked_of_questions_with_several_true_answers(rule: Any) -> None:
    reward, stated = make_reward("rlcr_multi", sum_rule=rule), three(0.9, 0.9, 0.9)
    assert score(reward, stated) == score(reward, stated, exclusive=[False]) == pytest.approx(RULES["off"])


def test_the_sum_may_be_above_one_by_the_tolerance() -> None:
    reward = make_reward("rlcr_multi", sum_rule="format")
    assert score(reward, three(0.34, 0.34, 0.34), exclusive=[True]) > 2, "1.02, as rounding may make it"
    assert score(reward, three(0.35, 0.34, 0.34), exclusive=[True]) < 2
    wider, none = [make_reward("rlcr_multi", sum_rule="format", tolerance=tolerance) for tolerance in (0.05, 0)]
    assert score(wider, three(0.35, 0.34, 0.34), exclusive=[True]) > 2
    assert score(none, three(0.1, 0.2, 0.7), exclusive=[True]) > 2, "exactly 1, but for floating-point error"


@pytest.mark.parametrize("rule", RULES)
def test_sums_above_one_are_logged_whatever_they_cost(rule: Any) -> None:
    metrics: dict[str, float] = {}
    batch = [three(0.9, 0.9, 0.9), three(0.1, 0.1, 0.1), three(0.9, 0.9, 0.9), "nothing"]
    exclusive = [True, True, False, True]
    reward = make_reward("rlcr_multi", sum_rule=rule)
    reward(["?"] * 4, batch, gold=GOLD * 4, exclusive=exclusive, log_metric=metrics.__setitem__)
    assert metrics["rlcr_multi/sum_above_one"] == 0.25
    assert metrics["rlcr_multi/valid"] == (0.5 if rule == "invalid" else 0.75)


def test_the_parts_of_a_reward_say_what_caused_it_and_where() -> None:
    completion = three(0.9, 0.2, 0.5)
    reward = make_reward("rlcr_multi", weights={"correctness": 2, "brier": 3})
    parts = reward.breakdown([completion], [Gold((("Paris",), ("Rome",)))])[0]
    assert (parts.format, parts.correctness) == (1, (2, 0, 2))
    assert parts.brier == pytest.approx((-(0.1**2), -(0.2**2), -(0.5**2)))
    assert parts.total == pytest.approx(parts.format + sum(parts.correctness) + sum(parts.brier))
    assert parts.spans is not None
    assert completion[slice(*parts.spans.answers[2])] == "<answer3> Rome </answer3>"
    assert completion[slice(*parts.spans.confidences[1])] == "<confidence2> 0.20 </confidence2>"


def test_the_parts_of_an_invalid_completion_sum_to_its_reward() -> None:
    gold = Gold((("Paris",),))
    twice = render(AnswerSet(("Paris", "Paris.", "Rome"), (0.9, 0.9, 0.9)), Layout(3, True))
    for completion, where in [("nothing", False), (twice, True)]:
        parts = rlcr_multi.breakdown([completion], [gold])[0]
        assert (parts.total, parts.format, parts.correctness) == (-1, 0, (0, 0, 0))
        assert parts.brier == pytest.approx((-1 / 3, -1 / 3, -1 / 3))
        assert (parts.spans is not None) == where
    assert rlvr_multi.breakdown(["nothing"], [gold])[0][:4] == (0, 0, (0, 0, 0), ())


def test_any_credit_goes_to_the_first_hit() -> None:
    parts = make_reward("rlvr_multi", credit="any").breakdown([three()], [Gold((("Paris",), ("Rome",)))])[0]
    assert parts.correctness == (1, 0, 0)


@pytest.mark.parametrize("name", ["rlvr_single", "rlcr_single", "rlvr_multi", "rlcr_multi"])
def test_the_four_rewards_are_picklable_and_named(name: str) -> None:
    reward = getattr(setwise.rewards, name)
    again = pickle.loads(pickle.dumps(reward))
    assert again == reward
    assert reward.__name__ == name
    assert again(["?"], [three()], gold=GOLD) == reward(["?"], [three()], gold=GOLD)


def test_means_and_reasons_are_logged_as_metrics() -> None:
    metrics: dict[str, float] = {}
    batch = [three(0.9, 0.2, 0.5), "nothing", three(1, 0, 1), one("Paris", 0.5)]
    rlcr_multi(["?"] * 4, batch, gold=GOLD * 4, log_metric=metrics.__setitem__)
    assert metrics["rlcr_multi/valid"] == 0.5
    assert metrics["rlcr_multi/hits"] == 1.0
    assert metrics["rlcr_multi/coverage"] == 0.5
    assert metrics["rlcr_multi/format"] == 0.5
    assert metrics["rlcr_multi/correctness"] == 1.0
    assert metrics["rlcr_multi/brier"] == pytest.approx(-(0.1 + 1 + 0 + 1) / 4)
    assert metrics["rlcr_multi/invalid/no_think"] == 0.25
    assert metrics["rlcr_multi/invalid/missing"] + metrics["rlcr_multi/invalid/extra"] == 0.25
    assert metrics["rlcr_multi/invalid/duplicate"] == 0, "every reason stands in every batch"
    assert metrics["rlcr_multi/undecided_checks"] == 0


def test_columns_for_the_table_of_completions_have_one_value_per_completion() -> None:
    columns: dict[str, list[Any]] = {}
    reward, batch = make_reward("rlcr_multi", sum_rule="format"), [three(0.9, 0.9, 0.9), None]
    reward(["?"] * 2, batch, gold=GOLD * 2, exclusive=[True] * 2, log_extra=columns.__setitem__)
    assert columns["rlcr_multi/reason"] == ["sum_above_one", "not_text"]
    assert columns["rlcr_multi/hits"] == ["101", ""]
    assert columns["rlcr_multi/format"] == [0, 0]
    assert columns["rlcr_multi/correctness"] == [2, 0]


def test_two_rewards_in_one_trainer_log_under_their_own_names() -> None:
    names: list[str] = []
    for reward in (rlcr_multi, make_reward("rlcr_multi", name="only_format", weights={"correctness": 0, "brier": 0})):
        reward(["?"], [three(0.9, 0.2, 0.5)], gold=GOLD, log_extra=lambda name, values: names.append(name))
    assert len(set(names)) == len(names) == 10
    assert reward.__name__ == "only_format"


def test_components_asked_for_one_by_one_sum_to_the_whole_and_judge_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    judge_batch = setwise.matching.memo.judge_batch
    monkeypatch.setattr(
        "setwise.matching.memo.judge_batch",
        lambda *b, **options: judged.append(len(b[0])) or judge_batch(*b, **options),
    )
    batch = [three(0.9, 0.21, 0.53), "nothing at all", three(0.8, 0.22, 0.5)]
    parts = ("format", "correctness", "brier")
    rewards = [make_reward("rlcr_multi", weights={p: float(p == part) for p in parts}, name=part) for part in parts]
    columns = [reward(["?"] * 3, batch, gold=GOLD * 3) for reward in rewards]
    assert [sum(row) for row in zip(*columns, strict=True)] == pytest.approx(
        rlcr_multi(["?"] * 3, batch, gold=GOLD * 3)
    )
    assert judged == [3]


def test_a_batch_larger_than_a_chunk_is_scored_in_order_and_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    judge_batch = setwise.matching.memo.judge_batch

    def counting(texts: Any, *rest: Any, **options: Any) -> Any:
        judged.append(len(texts))
        return judge_batch(texts, *rest, **options)

    monkeypatch.setattr("setwise.matching.memo.judge_batch", counting)
    batch = [three(0.9, 0.2, 0.5) if i % 3 else f"nothing in row {i}" for i in range(5000)]
    found = rlcr_multi(["?"] * 5000, batch, gold=GOLD * 5000)
    assert [reward > 0 for reward in found] == [i % 3 != 0 for i in range(5000)]
    parts = rlcr_multi.breakdown(batch, [Gold((("Paris", "Paname"), ("Rome",)))] * 5000)
    assert [part.total for part in parts] == found
    assert sum(judged) == 5000


def test_messages_and_strings_score_the_same() -> None:
    completion = three(0.9, 0.2, 0.5)
    message = [{"role": "assistant", "content": completion}]
    assert score(rlcr_multi, message) == score(rlcr_multi, completion)


@pytest.mark.parametrize("batch", [[], [""], ["nothing"] * 5, [three(1, 0, 1)]])
def test_empty_all_invalid_and_one_row_batches_are_scored(batch: list[str]) -> None:
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    rewards = rlcr_multi(
        ["?"] * len(batch), batch, gold=GOLD * len(batch), log_metric=metrics.__setitem__, log_extra=columns.__setitem__
    )
    assert len(rewards) == len(batch) and all(len(column) == len(batch) for column in columns.values())
    assert all(value == value for value in metrics.values()), "no NaN"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"method": "rlxr"}, "unknown method 'rlxr': use one of rlvr_single"),
        ({"credit": "half"}, "reward credit: unknown value 'half'; use one of count, any, fraction"),
        ({"sum_rule": "on"}, "reward sum_rule: unknown value 'on'; use one of format, invalid, off"),
        ({"match": "fuzzy"}, "reward match: unknown value 'fuzzy'; use one of exact, text, math, code"),
        ({"weights": {"format": -1}}, "reward weights: format: .*greater than or equal to 0"),
        ({"weights": {"brier": float("nan")}}, "reward weights: brier: .*finite"),
        ({"weights": {"briar": 1}}, "reward weights: briar: .*not permitted"),
        ({"k": 0}, "k=0"),
        ({"tolerance": -0.1}, "tolerance=-0.1"),
        ({"tolerance": float("nan")}, "tolerance=nan"),
        ({"method": 3}, "unknown method 3: use one of rlvr_single"),
        ({"method": ["rlcr_multi"]}, "unknown method .*: use one of rlvr_single"),
        ({"credit": ["count"]}, "reward credit: unknown value .*; use one of count"),
        ({"k": 2.5}, "k=2.5; give a whole number"),
        ({"k": "3"}, "k='3'; give a whole number"),
        ({"k": None}, "k=None; give a whole number"),
        ({"k": True}, "k=True; give a whole number"),
        ({"tolerance": "a"}, "tolerance='a'; give a number"),
        ({"tolerance": None}, "tolerance=None; give a number"),
        ({"weights": [1]}, r"reward weights: \[1\]; give a mapping"),
        ({"weights": 1}, "reward weights: 1; give a mapping"),
        ({"weights": {1: 2}}, "reward weights: .*use format, correctness, brier"),
        ({"weights": {"format": "much"}}, "reward weights: format: .*number"),
        ({"analysis": "no"}, "analysis='no'; give true or false"),
        ({"name": 3}, "name=3; give a text"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_reward(**({"method": "rlcr_multi"} | arguments))


def test_a_single_answer_method_has_one_answer_whatever_k_is() -> None:
    assert make_reward("rlvr_single", k=5).k == 1
