"""How near a set comes to the best one the posterior allows, where the posterior is known.

The best set of k answers holds the k most probable ones. Its expected number of hits is the sum of their
probabilities; where answers are exclusive that is also the best attainable coverage@k (where they are not, coverage
depends on how answers occur together, and the domain has to say what is attainable). Stating the posterior as
confidences gives the best set the expected set Brier `(1/k) Σ p(1-p)`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from setwise.metrics.sets import Floats, JudgedSets, Ratio


def best_hits(probabilities: Sequence[float], k: int) -> float:
    """The expected hits of the `k` most probable answers. Of exclusive answers: the attainable coverage@k."""
    return float(sum(sorted(probabilities, reverse=True)[:k]))


def best_set_briers(probabilities: Sequence[float], most: int) -> Floats:
    """[most + 1] in place j the expected set Brier of the j most probable answers, stated as they are; 0 in place 0."""
    p = np.zeros(most)
    top = sorted(probabilities, reverse=True)[:most]
    p[: len(top)] = top
    sizes = np.arange(1, most + 1)
    return np.concatenate([[0.0], np.cumsum(p * (1.0 - p)) / sizes])


def attainable_coverage(sets: JudgedSets) -> Ratio:
    """The best attainable coverage at the number of answers asked for, over the sets for which it is known."""
    best = sets.questions.best_coverage[sets.question]
    return Ratio(best, (best > 0).astype(float))


def attainable_share(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The coverage of the sets as a share of the best attainable coverage (both summed over the sets).

    It counts hits that happened, so by chance it can pass 1; `posterior_share` has no such chance in it.
    """
    best = sets.questions.best_coverage[sets.question] * (sets.valid if valid_only else 1.0)
    return Ratio(np.any(sets.hits, axis=1) * (best > 0).astype(float), best)


def posterior_share(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The expected hits of the sets, Σp, as a share of those of the most probable answers. At most 1."""
    known = _known(sets, valid_only)
    held = np.zeros(len(known)) if sets.posterior is None else sets.posterior.sum(axis=1)
    return Ratio(held * known, sets.questions.best_hits[sets.question] * known)


def attainable_set_brier(sets: JudgedSets) -> Ratio:
    """The expected set Brier of the best set as large as the one given, over the sets with a known posterior."""
    known = _known(sets, valid_only=False)
    return Ratio(_best_brier(sets) * known, known)


def excess_set_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The expected set Brier, `(1/K) Σ (q-p)² + p(1-p)`, less that of the best set as large.

    Below 0 where a set holds answers that are surely wrong and says so: it is easier to be calibrated about them.
    """
    if sets.confidences is None or sets.posterior is None:
        return _nothing(sets)
    p = sets.posterior
    expected = _with_worst(sets, (sets.confidences - p) ** 2 + p * (1.0 - p), valid_only)
    return _weighted(sets, expected - _best_brier(sets), valid_only)


def excess_confidence_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """What the stated confidences cost over stating the posterior on the same sets: `(1/K) Σ (q-p)²`, at least 0."""
    if sets.confidences is None or sets.posterior is None:
        return _nothing(sets)
    return _weighted(sets, _with_worst(sets, (sets.confidences - sets.posterior) ** 2, valid_only), valid_only)


def _known(sets: JudgedSets, valid_only: bool) -> Floats:
    return (sets.questions.known[sets.question] & (sets.valid | (not valid_only))).astype(np.float64)


def _best_brier(sets: JudgedSets) -> Floats:
    """[N] of the best set of the same size; of the size asked for where nothing valid was given."""
    asked = sets.questions.best_brier.shape[1] - 1
    best: Floats = sets.questions.best_brier[sets.question, np.where(sets.valid, sets.size, asked)]
    return best


def _nothing(sets: JudgedSets) -> Ratio:
    return Ratio(np.zeros(len(sets.size)), np.zeros(len(sets.size)))


def _weighted(sets: JudgedSets, values: Floats, valid_only: bool) -> Ratio:
    weight = _known(sets, valid_only)
    return Ratio(values * weight, weight)


def _with_worst(sets: JudgedSets, terms: Floats, valid_only: bool) -> Floats:
    """The mean of the terms of each set; over all sets a missing answer counts 1."""
    worst = 0 if valid_only else sets.invalid
    given: Floats = (terms * sets.filled).sum(axis=1) + worst
    return given / np.maximum(sets.size + worst, 1)
