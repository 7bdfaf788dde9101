"""Which confidences are learnt under each scaling of advantages, computed exactly; prints JSON, draws the docs' plot.

    python benchmarks/calibration.py [--plot docs/calibration.svg]

Of the possible answers to a question one is true. The policy states fixed answers and learns only what confidences to
state: for each answer it draws a level of 0, 0.05, …, 1 near a centre that it learns (a normal of deviation 0.1, cut to
the levels), so it goes on exploring. Every step draws the true answer, samples a (very large) group and follows the
policy gradient of the reward. Expectations are sums, nothing is sampled.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np

from setwise.matching import Judgement
from setwise.rewards import SetReward, make_reward, rlcr_multi, rlcr_single

Scale = Literal["none", "batch", "group"]
LEVELS = np.round(np.linspace(0, 1, 21), 2)
SET = (0.5, 0.3, 0.1)
"""The probabilities of the three answers of a set; with the rest, none of them is true."""
SINGLE = (0.2, 0.4, 0.6, 0.8)
"""The probabilities of the answers of four questions with one answer stated."""
STEPS, RATE, DEVIATION = 2000, 0.3, 0.1
WITH_SUM_RULE = make_reward("rlcr_multi", sum_rule="format")
WITH_WIDE_SUM_RULE = make_reward("rlcr_multi", sum_rule="format", tolerance=0.25)


def judged(y: int, confidences: Sequence[float]) -> Judgement:
    """A valid set whose answer number `y` is true; none is where `y` is K."""
    k = len(confidences)
    return Judgement(("",) * k, (), tuple(int(y == i) for i in range(k)), tuple(map(float, confidences)))


def expected_reward(reward: SetReward, confidences: Sequence[float], truth: Sequence[float]) -> float:
    """The expected reward of stating `confidences` on answers with the probabilities `truth`, by `SetReward.score`."""
    chances = [*truth, 1 - sum(truth)]
    return sum(p * reward.score(judged(y, confidences), exclusive=True).total for y, p in enumerate(chances))


def reward_table(reward: SetReward) -> np.ndarray:
    """The reward of every choice of levels when answer y is true, shape (K + 1, levels, …, levels)."""
    table = np.empty((reward.k + 1, *[len(LEVELS)] * reward.k))
    for y, *levels in np.ndindex(*table.shape):
        table[y, *levels] = reward.score(judged(y, [LEVELS[level] for level in levels]), exclusive=True).total
    return table


def advantages(table: np.ndarray, joint: np.ndarray, chances: np.ndarray, scale: Scale) -> np.ndarray:
    """Rewards less their group's mean, divided by the deviation of the group, of the batch, or by nothing."""
    axes = tuple(range(1, table.ndim))
    means = (table * joint).sum(axis=axes, keepdims=True)
    variances = ((table - means) ** 2 * joint).sum(axis=axes, keepdims=True)
    if scale == "none":
        return table - means
    if scale == "group":
        return (table - means) / (np.sqrt(variances) + 1e-4)
    weights = chances.reshape(means.shape)
    overall = (weights * (variances + (means - (weights * means).sum()) ** 2)).sum()
    return (table - means) / (np.sqrt(overall) + 1e-4)


def learn(reward: SetReward, truth: Sequence[float], scale: Scale) -> np.ndarray:
    """The mean confidence of each answer after each step, starting at 0.5, shape (STEPS + 1, K)."""
    table, k = reward_table(reward), reward.k
    chances = np.array([*truth, 1 - sum(truth)])
    centres = np.full(k, 0.5)
    means = np.empty((STEPS + 1, k))
    for step in range(STEPS + 1):
        policy = np.exp(-((LEVELS - centres[:, None]) ** 2) / (2 * DEVIATION**2))
        policy /= policy.sum(axis=1, keepdims=True)
        means[step] = policy @ LEVELS
        joint = reduce(np.multiply.outer, policy)
        advantage = np.tensordot(chances, advantages(table, joint, chances, scale), 1) * joint
        for i in range(k):
            gradient = advantage.sum(axis=tuple(axis for axis in range(k) if axis != i))
            centres[i] += RATE * gradient @ (LEVELS - means[step, i])
    return means


def learn_all() -> dict[str, np.ndarray]:
    """The curves of the page: four single answers and one set, under each scaling, and the set with the sum rule."""
    scales: tuple[Scale, ...] = ("none", "batch", "group")
    curves = {f"single, {s}": np.hstack([learn(rlcr_single, [p], s) for p in SINGLE]) for s in scales}
    curves |= {f"set, {s}": learn(rlcr_multi, SET, s) for s in scales}
    rules = {"sum rule": WITH_SUM_RULE, "sum rule with tolerance 0.25": WITH_WIDE_SUM_RULE}
    return curves | {f"set, batch, {name}": learn(reward, SET, "batch") for name, reward in rules.items()}


def draw(path: Path, curves: dict[str, np.ndarray]) -> None:
    """Six panels: expected reward, single answers by batch and group; the set by batch, by group, with the sum rule."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "setwise", "svg.fonttype": "none", "font.size": 8, "axes.titlesize": 9})
    from matplotlib import pyplot as plt

    colours = ("#1b6ca8", "#c8553d", "#4f772d", "#7a4f9a")
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.2), layout="constrained")
    grid = np.linspace(0, 1, 101)
    for i, (colour, chance) in enumerate(zip(colours, SET, strict=False)):
        stated = [[*SET[:i], q, *SET[i + 1 :]] for q in grid]
        axes[0, 0].plot(grid, [expected_reward(rlcr_multi, q, SET) for q in stated], color=colour, label=f"{chance}")
        axes[0, 0].plot(chance, expected_reward(rlcr_multi, SET, SET), "o", color=colour, markersize=4)
    axes[0, 0].set(xlabel="confidence of one answer, others truthful", title="expected reward of a set")
    axes[0, 0].legend(title="probability", frameon=False)
    panels: tuple[tuple[Any, str, Sequence[float], str], ...] = (
        (axes[0, 1], "single, batch", SINGLE, "single answers, batch"),
        (axes[0, 2], "single, group", SINGLE, "single answers, group"),
        (axes[1, 0], "set, batch", SET, "a set, batch"),
        (axes[1, 1], "set, group", SET, "a set, group"),
        (axes[1, 2], "set, batch, sum rule", SET, "a set, batch, with the sum rule"),
    )
    steps = np.unique(np.geomspace(1, STEPS, 200).astype(int))
    for panel, name, truth, title in panels:
        for i, (colour, chance) in enumerate(zip(colours, truth, strict=False)):
            panel.plot(steps, curves[name][steps, i], color=colour)
            panel.axhline(chance, color=colour, linestyle=":", linewidth=1)
        panel.set(xscale="log", xlabel="steps", ylabel="mean confidence", ylim=(-0.02, 1.02), title=title)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Print what is learnt under each scaling."""
    parser = argparse.ArgumentParser(description="Confidences learnt under each scaling of advantages.")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    curves = learn_all()
    if options.plot:
        draw(options.plot, curves)
    learnt = {name: [round(float(q), 3) for q in curve[-1]] for name, curve in curves.items()}
    print(json.dumps({"truth": {"single": SINGLE, "set": SET}, "steps": STEPS, "confidences": learnt}, indent=2))


if __name__ == "__main__":
    main()
