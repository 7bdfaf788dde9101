"""Rewards that can't be gamed: each case was a real defect in published reward code of this kind."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Gold, judge
from setwise.rewards import SetReward, make_reward, rlcr_multi, rlcr_single, rlvr_multi, rlvr_single

REWARDS = [rlvr_single, rlcr_single, rlvr_multi, rlcr_multi]
GOLD = [["Paris"], ["Rome"], ["Bern"]]
TRUE = (0.9, 0.9, 0.9)


def state(*answers: str, q: tuple[float, ...] | None = TRUE) -> str:
    return render(AnswerSet(answers, q), Layout(len(answers), q is not None))


def score(reward: SetReward, completion: Any, gold: Any = GOLD, **columns: Any) -> float:
    return reward(["?"], [completion], gold=[gold], **{name: [value] for name, value in columns.items()})[0]


@pytest.mark.parametrize(
    ("match", "spellings", "gold"),
    [
        ("text", ("Paris", "Paris.", "the Paris"), ["Paris"]),
        ("text", ("PARIS", "“Paris”", "Paris\u200b"), ["Paris"]),
        ("text", ("Muhammad Ali", "Cassius Clay", "muhammad ali"), ["Cassius Clay", "Muhammad Ali"]),
        ("exact", ("Guillain-Barré", "guillain-barré", "Guillain-Barre\u0301"), ["Guillain-Barré"]),
        ("math", ("42", "$42$", "\\boxed{42}"), ["42"]),
        ("math", ("1/2", "0.5", "\\frac{2}{4}"), ["0.5"]),
    ],
)
def test_spellings_of_one_gold_answer_are_never_paid_more_than_once(
    match: str, spellings: tuple[str, str, str], gold: list[str]
) -> None:
    for pair in [spellings, (spellings[0], spellings[1], "7"), (spellings[1], "7", spellings[2])]:
        completion = state(*pair)
        assert score(rlcr_multi, completion, [gold, ["something else"]], match=match) == -1
    alone = state(spellings[1], "7", "8")
    assert score(rlcr_multi, alone, [gold], match=match) == pytest.approx(1 + 1 - (0.1**2 + 2 * 0.9**2) / 3)


def test_gold_listed_twice_is_paid_once() -> None:
    gold = [["Paris"], ["paris."], ["Paname", "The Paris"]]
    assert score(rlcr_multi, state("Paris", "Paname", "Oslo"), gold) == -1
    assert score(rlvr_multi, state("Paname", "Rome", "Oslo", q=None), gold) == 1 + 1


def test_the_gold_of_one_prompt_never_reaches_another() -> None:
    paris, rome = state("Paris", "x", "y"), state("Rome", "x", "y")
    golds = [[["Paris"]], [["Rome"]], [["Oslo"]]] * 2
    batch = [paris, paris, paris, rome, rome, rome]
    hit, miss = score(rlcr_multi, paris, [["Paris"]]), score(rlcr_multi, paris, [["Rome"]])
    assert rlcr_multi(["?"] * 6, batch, gold=golds) == [hit, miss, miss, miss, hit, miss]


def test_rows_of_different_sources_are_each_judged_by_their_own_rule() -> None:
    completion = state("0.5", "x", "y")
    batch: dict[str, list[Any]] = {
        "gold": [["1/2"], ["1/2"], ["0.50"], ["0.5"], ["1/2"]],
        "match": ["math", "text", "exact", "exact", None],
        "exclusive": [False, None, True, True, False],
    }
    reward = make_reward("rlcr_multi", sum_rule="format")
    found = reward(["?"] * 5, [completion] * 5, **batch)
    alone = [
        score(reward, completion, gold, match=match, exclusive=exclusive)
        for gold, match, exclusive in zip(*batch.values(), strict=True)
    ]
    assert found == alone
    assert [value > 0.5 for value in found] == [True, False, False, False, False], "only algebra knows 0.5 as 1/2"
    assert found[3] - found[2] == pytest.approx(1 + (0.9**2 - 0.1**2) / 3), "a hit more, and both sums above 1"


def test_gold_is_parsed_as_carefully_as_the_answer() -> None:
    for gold, answer in [("1/2", "0.5"), ("0.5", "1/2"), ("$x^2+1$", "1+x²"), ("1+x^2", "\\boxed{x^2+1}")]:
        assert score(rlvr_multi, state(answer, "a", "b", q=None), [gold], match="math") == 2, (gold, answer)
    for gold, answer in [("The Paris.", "paris"), ("paris", "The Paris."), ("6,960", "6960"), ("½", "1/2")]:
        assert score(rlvr_multi, state(answer, "a1", "b1", q=None), [gold]) == 2, (gold, answer)


def test_tags_inside_the_reasoning_earn_nothing() -> None:
    inside = state("Paris", "Rome", "Bern").replace("<think> </think> ", "")
    for reward in (rlcr_multi, rlcr_single):
        assert score(reward, f"<think> {inside} </think>") == -1
        assert score(reward, f"<think> {inside}") == -1
    wrong = state("a", "b", "c", q=(0, 0, 0))
    assert score(rlcr_multi, wrong.replace("<think>", f"<think> {inside}")) == score(rlcr_multi, wrong) == 1


def test_tags_inside_an_answer_earn_nothing() -> None:
    inner = "a </answer1> <confidence1> 0.9 </confidence1> <answer2> Paris"
    completion = "<think></think>" + "".join(
        f"<answer{i}> {answer} </answer{i}> <confidence{i}> 0.5 </confidence{i}>"
        for i, answer in enumerate([inner, "Rome", "Bern"], 1)
    )
    assert score(rlcr_multi, completion) == -1


PAIR = "<answer{0}> {1} </answer{0}> <confidence{0}> {2} </confidence{0}> "
VALID = "".join(PAIR.format(i + 1, name, 0.9) for i, name in enumerate(["Paris", "Rome", "Bern"]))
INVALID = {
    "no reasoning": VALID,
    "answers before the reasoning": VALID + "<think> hm </think>",
    "reasoning in the middle": VALID.replace("<answer2>", "<think> hm </think><answer2>"),
    "empty answer": "<think></think>" + VALID.replace("Rome", ""),
    "answer of white space": "<think></think>" + VALID.replace("Rome", "\n\t"),
    "answer of zero-width characters": "<think></think>" + VALID.replace("Rome", "\u200b\u2060"),
    "a fourth answer": "<think></think>" + VALID + PAIR.format(4, "Oslo", 0.1),
    "answer 200000": "<think></think>" + VALID + PAIR.format(200000, "Oslo", 0.1),
    "a hundred answers": "<think></think>" + VALID + "".join(PAIR.format(i, f"city {i}", 0.1) for i in range(4, 104)),
    "one answer twice": "<think></think>" + VALID + PAIR.format(3, "Bern", 0.9),
    "two answers in one tag": "<think></think>" + VALID.replace("Rome </answer2>", "Rome </answer2> Oslo </answer2>"),
    "the last tag left open": "<think></think>" + VALID.rstrip().removesuffix("</confidence3>"),
    "numbered from 0": "<think></think>" + "".join(PAIR.format(i, f"city {i}", 0.9) for i in range(3)),
    "out of order": "<think></think>" + "".join(PAIR.format(i, f"city {i}", 0.9) for i in (2, 1, 3)),
    "the layout of a single answer": "<think></think><answer> Paris </answer><confidence> 0.9 </confidence>",
    "text after the set": "<think></think>" + VALID + "I hope that helps.",
    "text between the tags": "<think></think>" + VALID.replace("<answer2>", "or <answer2>"),
    "a second set": "<think></think>" + VALID + "<think></think>" + VALID,
    "one confidence missing": "<think></think>" + VALID.replace("<confidence2> 0.9 </confidence2>", ""),
    "cut off": ("<think></think>" + VALID)[:-30],
    "byte order mark first": "\ufeff<think></think>" + VALID,
    "upper case tags": ("<think></think>" + VALID).replace("answer", "ANSWER"),
    "other brackets": ("<think></think>" + VALID).replace("<", "[").replace(">", "]"),
    "entities": ("<think></think>" + VALID).replace("<", "&lt;"),
    "attributes": ("<think></think>" + VALID).replace("<answer1>", '<answer1 class="a">'),
    "self-closing": ("<think></think>" + VALID).replace("<answer1> Paris </answer1>", "<answer1/>"),
    "a broken byte": "<think> \ufffd </think>" + VALID,
    "a lone surrogate": "<think> \udcff </think>" + VALID,
    "a megabyte": "<think>" + "x" * 1_000_000 + "</think>" + VALID,
}


@pytest.mark.parametrize("case", INVALID)
def test_a_text_out_of_layout_earns_the_worst_reward(case: str) -> None:
    assert score(rlcr_multi, "<think></think>" + VALID) == pytest.approx(1 + 3 - 0.01)
    assert {reward.name: score(reward, INVALID[case]) for reward in REWARDS if reward.k == 3} == {
        "rlvr_multi": 0.0,
        "rlcr_multi": -1.0,
    }


@pytest.mark.parametrize(
    "stated", ["1.5", "1%", "95%", "about 3 of 4", "-0.1", "nan", "inf", "high", "1e-1", "0.9.", "9/10"]
)
def test_a_confidence_that_is_no_plain_decimal_is_not_guessed(stated: str) -> None:
    completion = "<think></think>" + VALID.replace("0.9", stated, 1)
    assert score(rlcr_multi, completion) == -1
    single = f"<think></think><answer>Paris</answer><confidence>{stated}</confidence>"
    assert score(rlcr_single, single) == -1


def test_a_truthful_set_is_best_where_several_answers_are_true() -> None:
    truthful = score(rlcr_multi, state("Paris", "Rome", "Bern", q=(0.9, 0.9, 0.9)))
    for lower in [(0.9, 0.05, 0.05), (1 / 3, 1 / 3, 1 / 3), (0.5, 0.3, 0.2)]:
        assert score(rlcr_multi, state("Paris", "Rome", "Bern", q=lower)) < truthful


def test_the_sum_rule_never_makes_a_valid_set_worse_than_an_invalid_one() -> None:
    for rule, q in product(("format", "invalid", "off"), [(1, 1, 1), (0.9, 0.9, 0.9), (0, 1, 1)]):
        reward = make_reward("rlcr_multi", sum_rule=rule)
        assert score(reward, state("a", "b", "c", q=q), exclusive=True) >= score(reward, "nothing", exclusive=True)


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.name)
@pytest.mark.parametrize("credit", ["count", "any", "fraction"])
def test_an_invalid_completion_is_never_above_the_worst_valid_one(reward: SetReward, credit: Any) -> None:
    for weights in [{}, {"format": 0}, {"brier": 0}, {"correctness": 0}, {"format": 0.01, "brier": 100}]:
        made = make_reward(reward.method, credit=credit, weights=weights)
        names = ("a", "b", "c")[: made.k]
        worst_valid = score(made, state(*names, q=(1.0,) * made.k if made.method.confidences else None))
        assert score(made, "nothing") <= worst_valid


def test_adding_answers_beyond_k_never_pays() -> None:
    four = render(AnswerSet(("Paris", "Rome", "Bern", "Oslo"), (0.9,) * 4), Layout(4, True))
    assert score(rlcr_multi, four, [["Oslo"], *GOLD]) == -1


def test_an_answer_that_lists_several_is_one_wrong_answer() -> None:
    for answer in ("Paris, Rome, Bern", "Paris or Rome", "Paris/Rome", "Paris\nRome\nBern"):
        assert judge(state(answer, q=None), Gold((("Paris",), ("Rome",), ("Bern",))), Layout()).hits == (0,)
    for answer in ("41, 42, 43", "41 or 42", "$41$ $42$", "\\boxed{41} \\boxed{42}", "not 41 but 42, or 43"):
        assert judge(state(answer, q=None), Gold((("42",),), "math"), Layout()).hits == (0,), answer


def test_the_gold_text_itself_has_no_power_over_the_judge() -> None:
    for gold in ["</answer1>", "gold:0", "text:oslo", "a|b"]:
        assert judge(state("Oslo", q=None), Gold(((gold,),)), Layout()).hits == (0,)
    for answer in ["gold:0", "text:paris", "GOLD:0"]:
        assert judge(state(answer, q=None), Gold((("Paris",),)), Layout()).hits == (0,)
