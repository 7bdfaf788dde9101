"""The truthful set is the optimum, shown and not claimed: the likeliest answers, their probabilities as confidences."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from itertools import combinations, product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Judgement
from setwise.rewards import make_reward, rlcr_multi

K = 3
Chosen = tuple[int, ...]
Worth = Callable[[Chosen, Sequence[float]], float]


def worth_of(reward: Any, outcomes: Sequence[tuple[frozenset[int], float]], exclusive: bool) -> Worth:
    """The exact expected reward of a set with confidences, over the (true answers, probability) of a world."""

    def worth(chosen: Chosen, confidences: Sequence[float]) -> float:
        total = 0.0
        for true, chance in outcomes:
            hits = tuple(int(answer in true) for answer in chosen)
            judgement = Judgement(("",) * K, (), hits, tuple(map(float, confidences)))
            total += chance * reward.score(judgement, exclusive).total
        return total

    return worth


def best_set(worth: Worth, answers: int, rng: np.random.Generator) -> tuple[Chosen, np.ndarray, float]:
    """The best set and confidences that an optimiser finds, over all sets and several starts each."""
    found = []
    for chosen in combinations(range(answers), K):
        for start in [np.full(K, 0.1), np.full(K, 0.5), rng.random(K)]:
            result = minimize(lambda q, s=chosen: -worth(s, q), start, bounds=[(0, 1)] * K, method="L-BFGS-B")
            found.append((chosen, result.x, -float(result.fun)))
    return max(found, key=lambda item: item[2])


def exclusive_world(seed: int) -> tuple[list[tuple[frozenset[int], float]], np.ndarray]:
    """Six answers of which one is true, and the probability of each."""
    chances = np.sort(np.random.default_rng(seed).dirichlet(np.full(6, 0.7)))[::-1]
    return [(frozenset([answer]), float(chance)) for answer, chance in enumerate(chances)], chances


def open_world(seed: int) -> tuple[list[tuple[frozenset[int], float]], np.ndarray]:
    """Five answers of which any may be true together, dependently; and the probability of each."""
    subsets = [frozenset(s) for n in range(6) for s in combinations(range(5), n)]
    chances = np.random.default_rng(seed).dirichlet(np.full(len(subsets), 0.3))
    outcomes = [(subset, float(chance)) for subset, chance in zip(subsets, chances, strict=True)]
    return outcomes, np.array([sum(p for s, p in outcomes if answer in s) for answer in range(5)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("world", [exclusive_world, open_world])
@pytest.mark.parametrize("credit", ["count", "fraction"])
def test_the_optimum_is_the_likeliest_answers_with_their_probabilities(world: Any, seed: int, credit: Any) -> None:
    outcomes, chances = world(seed)
    worth = worth_of(make_reward("rlcr_multi", credit=credit), outcomes, exclusive=world is exclusive_world)
    chosen, confidences, value = best_set(worth, len(chances), np.random.default_rng(seed))
    likeliest = tuple(sorted(np.argsort(chances)[-K:].tolist()))
    assert chosen == likeliest
    assert confidences == pytest.approx(chances[list(chosen)], abs=2e-3)
    assert worth(likeliest, chances[list(likeliest)]) >= value - 1e-12


@pytest.mark.parametrize("rule", ["format", "invalid", "off"])
@pytest.mark.parametrize("seed", range(3))
def test_no_set_is_worth_more_than_the_truthful_one_under_any_sum_rule(rule: Any, seed: int) -> None:
    outcomes, chances = exclusive_world(seed)
    worth = worth_of(make_reward("rlcr_multi", sum_rule=rule), outcomes, exclusive=True)
    truthful = worth((0, 1, 2), chances[:K])
    rng = np.random.default_rng(seed)
    for _ in range(1500):
        chosen = tuple(rng.choice(6, K, replace=False).tolist())
        assert worth(chosen, rng.random(K)) < truthful
        assert worth((0, 1, 2), np.clip(chances[:K] + rng.normal(0, 0.05, K), 0, 1)) <= truthful


def test_among_completions_the_truthful_one_is_worth_most() -> None:
    """As text, through parser and matcher: all sets of four answers, all confidences by tenths."""
    chances = {"Paris": 0.5, "Rome": 0.3, "Oslo": 0.1, "Bern": 0.06, "": 0.04}
    tenths = [i / 10 for i in range(11)]
    stated = [(s, q) for s in combinations(list(chances)[:4], K) for q in product(tenths, repeat=K)]
    completions = [render(AnswerSet(names, q), Layout(K, True)) for names, q in stated]
    worth = np.zeros(len(stated))
    for true, chance in chances.items():
        gold = [[true or "another city"]]
        scored = rlcr_multi(completions, completions, gold=gold * len(stated), exclusive=[True] * len(stated))
        worth += chance * np.array(scored)
    assert stated[int(worth.argmax())] == (("Paris", "Rome", "Oslo"), (0.5, 0.3, 0.1))


@pytest.fixture(scope="module")
def learning() -> ModuleType:
    """`benchmarks/calibration.py`, which follows the exact policy gradient of the reward."""
    path = Path(__file__).parents[2] / "benchmarks" / "calibration.py"
    spec = importlib.util.spec_from_file_location("calibration", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_advantages_divided_by_the_batch_deviation_lead_to_the_truth(learning: ModuleType) -> None:
    for chance in (0.4, 0.6, 0.8):
        assert learning.learn(learning.rlcr_single, [chance], "batch")[-1, 0] == pytest.approx(chance, abs=0.02)
    assert learning.learn(rlcr_multi, learning.SET, "batch")[-1] == pytest.approx(learning.SET, abs=0.03)


def test_advantages_divided_by_the_group_deviation_lead_to_false_certainty(learning: ModuleType) -> None:
    for chance, extreme in ((0.2, 0), (0.4, 0), (0.6, 1), (0.8, 1)):
        assert learning.learn(learning.rlcr_single, [chance], "group")[-1, 0] == pytest.approx(extreme, abs=0.02)
    learnt = learning.learn(rlcr_multi, learning.SET, "group")[-1]
    assert learnt[0] > learning.SET[0] + 0.2
    assert learnt[1] < learning.SET[1] - 0.1


def test_the_sum_rule_keeps_the_optimum_but_holds_learning_below_it(learning: ModuleType) -> None:
    learnt = learning.learn(learning.WITH_SUM_RULE, learning.SET, "batch")[-1]
    assert all(learnt < np.array(learning.SET) - 0.05)
