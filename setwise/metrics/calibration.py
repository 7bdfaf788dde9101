"""Whether stated confidences mean what they say: Brier scores, ECE, AUROC, reliability, and the set's total mass.

All read each answer's own confidence. Over all completions, an answer that an invalid completion did not give counts
as stated with certainty and wrong: squared error 1, a gap of 1 in ECE, ranked above every hit in AUROC.
"""

from __future__ import annotations

import numpy as np

from setwise.metrics.sets import Floats, Ints, JudgedSets, Ratio, sum_by

N_BINS = 10
"""Bins of the reliability curves and of all calibration errors."""


def set_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The mean over sets of `(1/K) Σ (q_i - h_i)²`, the calibration term of the RLCR reward. 0 is best, 1 is worst."""
    errors, given = _squared_errors(sets, valid_only)
    return sets.mean(errors / np.maximum(given, 1), valid_only) if sets.confidences is not None else _undefined(sets)


def answer_brier(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """The mean of `(q - h)²` over all answers, pooled: differs from `set_brier` where sets are of several sizes."""
    errors, given = _squared_errors(sets, valid_only)
    return Ratio(errors, given) if sets.confidences is not None else _undefined(sets)


def width_bins(confidences: Floats, n_bins: int = N_BINS) -> Ints:
    """The bin of each confidence among `n_bins` of equal width: `[i/n, (i+1)/n)`, the last one closed."""
    return np.minimum(np.floor(confidences * n_bins), n_bins - 1).astype(np.int64)


def mass_edges(confidences: Floats, counts: Floats | None = None, n_bins: int = N_BINS) -> Floats:
    """Upper edges of bins of about equal mass: the `i/n_bins` quantiles (values that occur), each edge once.

    Equal confidences always share a bin, so there are fewer bins than asked for where few values occur.

    Args:
        confidences: [P] stated confidences.
        counts: [P] how often each was stated; once if left out.
        n_bins: bins asked for.
    """
    if len(confidences) == 0:
        return np.zeros(0)
    values, index = np.unique(confidences, return_inverse=True)
    mass = np.cumsum(sum_by(index, np.ones(len(index)) if counts is None else counts, len(values)))
    at = np.searchsorted(mass * n_bins, mass[-1] * np.arange(1, n_bins + 1), side="left")
    return values[np.unique(at)]


def mass_bins(confidences: Floats, edges: Floats) -> Ints:
    """The bin `(edge before, edge]` of each confidence, for the edges of `mass_edges`."""
    return np.searchsorted(edges, confidences, side="left").astype(np.int64)


def bin_sums(bins: Ints, confidences: Floats, hits: Floats, n_bins: int) -> Floats:
    """[3, n_bins] per bin: answers, sum of confidences, hits."""
    columns = (np.ones(len(bins)), confidences, hits)
    return np.stack([np.bincount(bins, weights=column, minlength=n_bins) for column in columns])


def ece(sums: Floats, invalid: Floats | float = 0.0) -> Floats:
    """Expected calibration error `Σ_b (n_b/n) |accuracy_b - confidence_b|` (Naeini et al. 2015; Guo et al. 2017).

    Args:
        sums: [..., 3, n_bins] from `bin_sums`, summed over any questions.
        invalid: [...] answers not given by invalid completions; each adds a gap of 1.

    Returns:
        [...] the error; NaN where there is no answer at all (callers turn it into "undefined").
    """
    count, stated, hits = sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]
    total = count.sum(axis=-1) + invalid
    gaps = np.abs(stated - hits).sum(axis=-1) + invalid
    return _divide(gaps, total)


def auroc(hits: Floats, misses: Floats, invalid: Floats | float = 0.0) -> Floats:
    """The probability that a hit is stated with more confidence than a miss, ties counting half (Mann–Whitney U).

    Args:
        hits: [..., L] hits at each distinct confidence, ascending.
        misses: [..., L] misses at each of them.
        invalid: [...] answers not given by invalid completions; each is a miss above every hit.

    Returns:
        [...] in [0, 1]; NaN where there are no hits or no misses (a single class: undefined).
    """
    below = np.cumsum(misses, axis=-1) - misses / 2.0
    wins = (hits * below).sum(axis=-1)
    return _divide(wins, hits.sum(axis=-1) * (misses.sum(axis=-1) + invalid))


def set_probability(sets: JudgedSets) -> Floats:
    """[N] what a set's confidences say of its coverage: Σq if answers are exclusive, else 1 - Π(1-q); at most 1.

    Raises:
        ValueError: the sets state no confidences.
    """
    if sets.confidences is None:
        raise ValueError("set calibration needs stated confidences")
    total = sets.confidences.sum(axis=1)
    independent = 1.0 - np.prod(1.0 - sets.confidences, axis=1)
    stated: Floats = np.where(sets.questions.exclusive[sets.question], np.minimum(total, 1.0), independent)
    return np.round(stated, 12)  # 0.1 + 0.2 belongs to the bin that begins at 0.3


def mass_over_one(sets: JudgedSets, *, valid_only: bool = False, tolerance: float = 1e-6) -> Ratio:
    """The share of sets to exclusive questions whose confidences sum to more than 1; one with no valid answer does."""
    if sets.confidences is None:
        return _undefined(sets)
    asked = sets.questions.exclusive[sets.question] & (sets.valid | (not valid_only))
    over = (sets.confidences.sum(axis=1) > 1.0 + tolerance) | ~sets.valid
    return Ratio((over & asked).astype(float), asked.astype(float))


def _squared_errors(sets: JudgedSets, valid_only: bool) -> tuple[Floats, Floats]:
    worst = np.zeros(len(sets.size)) if valid_only else sets.invalid.astype(float)
    stated = np.zeros(sets.hits.shape) if sets.confidences is None else sets.confidences
    errors = ((stated - sets.hits) ** 2 * sets.filled).sum(axis=1)
    return errors + worst, sets.size + worst


def _undefined(sets: JudgedSets) -> Ratio:
    return Ratio(np.zeros(len(sets.size)), np.zeros(len(sets.size)))


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    return np.divide(numerator, denominator, out=np.full(denominator.shape, np.nan), where=denominator > 0)
