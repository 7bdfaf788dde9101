"""How much of what is right a set holds: coverage@k, correct@k, precision, recall, and pass@k over generations."""

from __future__ import annotations

import numpy as np

from setwise.metrics.sets import Floats, Ints, JudgedSets, Ratio


def valid_rate(valid: np.ndarray, decided: np.ndarray | None = None) -> Ratio:
    """The share of valid completions among those with a verdict; both [Q, G], the ratio has one row per question."""
    counted = np.ones(valid.shape, dtype=bool) if decided is None else decided
    return Ratio((valid & counted).sum(axis=1).astype(float), counted.sum(axis=1).astype(float))


def undecided_rate(decided: np.ndarray) -> Ratio:
    """The share of completions without a verdict; `decided` is [Q, G], the ratio has one row per question."""
    return Ratio((~decided).sum(axis=1).astype(float), np.full(len(decided), float(decided.shape[1])))


def coverage_at_k(sets: JudgedSets, k: int, *, valid_only: bool = False) -> Ratio:
    """Whether any of the first `k` answers is a hit. An invalid completion covers nothing."""
    return sets.mean(np.any(sets.hits[:, :k], axis=1), valid_only)


def correct_at_k(sets: JudgedSets, k: int, *, valid_only: bool = False) -> Ratio:
    """The number of hits among the first `k` answers. An invalid completion has none."""
    return sets.mean(sets.hits[:, :k].sum(axis=1), valid_only)


def precision(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """Hits per answer of the set. Over all sets, the answers an invalid completion did not give count as misses."""
    given = sets.size if valid_only else sets.size + sets.invalid
    return sets.mean(sets.hits.sum(axis=1) / np.maximum(given, 1), valid_only)


def recall(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The share of the gold answers that the set holds, at most 1; questions without a gold list do not count.

    An invalid completion recalls nothing. (Where any program that passes is right, a set can hold more hits than the
    gold list has entries.)
    """
    gold = sets.questions.gold[sets.question]
    weight = (gold > 0) & (sets.valid | (not valid_only))
    held = np.minimum(sets.hits.sum(axis=1), gold) / np.maximum(gold, 1)
    return Ratio(held * weight, weight.astype(float))


def pass_at_k_estimate(n: Ints, c: Ints, k: int) -> Floats:
    """The unbiased estimate of pass@k, `1 - C(n-c, k) / C(n, k)` (Chen et al. 2021, arXiv 2107.03374, eq. 1).

    Args:
        n: [Q] completions drawn, at least `k`.
        c: [Q] how many of them are right.
        k: completions one may draw.

    Returns:
        [Q] the probability that `k` completions drawn without replacement hold a right one.
    """
    steps = np.arange(k)
    left = np.maximum(n[:, None] - c[:, None] - steps, 0)
    estimate: Floats = 1.0 - np.prod(left / (n[:, None] - steps), axis=1)
    return estimate


def pass_at_k(
    hits: np.ndarray, valid: np.ndarray, k: int, *, valid_only: bool = False, decided: np.ndarray | None = None
) -> Ratio:
    """pass@k over the generations of each question; a generation is right if any of its answers is a hit.

    Args:
        hits: [Q, G, K] hits of each generation.
        valid: [Q, G] which completions are valid. An invalid one is wrong; with `valid_only` it was never drawn, and
            a question with fewer than `k` valid completions does not count.
        k: completions one may draw; at most G.
        decided: [Q, G] which completions have a verdict, all if left out; the others were never drawn.

    Returns:
        One row per question.
    """
    counted = np.ones(valid.shape, dtype=bool) if decided is None else decided
    right = (hits.any(axis=2) & valid & counted).sum(axis=1)
    drawn = ((valid | (not valid_only)) & counted).sum(axis=1)
    enough = drawn >= k
    estimate = np.where(enough, pass_at_k_estimate(np.maximum(drawn, k), right, k), 0.0)
    return Ratio(estimate, enough.astype(float))
