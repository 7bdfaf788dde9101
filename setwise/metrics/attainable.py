"""How near a set comes to the best one the posterior allows, where the posterior is known.

The best set of k answers holds the k most probable ones. Its expected number of hits, the sum of their
probabilities, is the best attainable; where answers are exclusive that is the best attainable coverage@k. Stating
the posterior as confidences gives it the expected set Brier `(1/k) Σ p(1-p)`, the best that this set allows.
Everything here is an expectation under the posterior, so no gold answer's chance enters it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from setwise.metrics.sets import JudgedSets, Ratio


def attainable_coverage(probabilities: Sequence[float], k: int) -> float:
    """The expected number of hits of the `k` most probable answers (exclusive answers: the best coverage@k)."""
    return float(sum(sorted(probabilities, reverse=True)[:k]))


def attainable_set_brier(probabilities: Sequence[float], k: int) -> float:
    """The expected set Brier of the `k` most probable answers with their probabilities as confidences."""
    return float(sum(p * (1.0 - p) for p in sorted(probabilities, reverse=True)[:k])) / k


def mean_attainable_coverage(sets: JudgedSets) -> Ratio:
    """The best attainable coverage at the number of answers asked for, over the sets with a known posterior."""
    known = _known(sets)
    return Ratio(sets.questions.best_coverage[sets.question] * known, known)


def mean_attainable_set_brier(sets: JudgedSets) -> Ratio:
    """The set Brier of the best attainable set, over the sets with a known posterior."""
    known = _known(sets)
    return Ratio(sets.questions.best_brier[sets.question] * known, known)


def attainable_share(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The posterior probability that the sets hold, as a share of the best attainable (pooled). At most 1."""
    known = _known(sets) * (sets.valid if valid_only else 1.0)
    held = np.zeros(len(known)) if sets.posterior is None else sets.posterior.sum(axis=1)
    return Ratio(held * known, sets.questions.best_coverage[sets.question] * known)


def excess_set_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The expected set Brier, `(1/K) Σ (q-p)² + p(1-p)`, less that of the best attainable set.

    Below 0 where a set holds answers that are surely wrong and says so: it is easier to be calibrated about them.
    """
    if sets.confidences is None or sets.posterior is None:
        return _nothing(sets)
    p = sets.posterior
    expected = _with_worst(sets, (sets.confidences - p) ** 2 + p * (1.0 - p), valid_only)
    return _weighted(sets, expected - sets.questions.best_brier[sets.question], valid_only)


def excess_confidence_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """What the stated confidences cost over stating the posterior on the same sets: `(1/K) Σ (q-p)²`, at least 0."""
    if sets.confidences is None or sets.posterior is None:
        return _nothing(sets)
    return _weighted(sets, _with_worst(sets, (sets.confidences - sets.posterior) ** 2, valid_only), valid_only)


def _known(sets: JudgedSets) -> np.ndarray:
    return sets.questions.known[sets.question].astype(float)


def _nothing(sets: JudgedSets) -> Ratio:
    return Ratio(np.zeros(len(sets.size)), np.zeros(len(sets.size)))


def _weighted(sets: JudgedSets, values: np.ndarray, valid_only: bool) -> Ratio:
    weight = _known(sets) * (sets.valid if valid_only else 1.0)
    return Ratio(values * weight, weight)


def _with_worst(sets: JudgedSets, terms: np.ndarray, valid_only: bool) -> np.ndarray:
    """The mean of the terms of each set; over all sets a missing answer counts 1."""
    worst = 0 if valid_only else sets.invalid
    given: np.ndarray = (terms * sets.filled).sum(axis=1) + worst
    return given / np.maximum(sets.size + worst, 1)
