"""Bootstrap intervals clustered by question: questions are drawn with replacement, with all their generations.

Every metric is a function of sums over questions, so a resample is a vector of how often each question was drawn,
and all metrics of all resamples come from one matrix product. Two models on the same questions share the draws
(paired), which is what makes the interval of their difference narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from setwise.metrics.sets import Bools, Floats

N_RESAMPLES = 10_000
LEVEL = 0.95
_CELLS = 2_000_000
"""Cells of one block of draws (16 MB), so that memory does not grow with questions or resamples."""


class Intervals(NamedTuple):
    """Intervals of M statistics, [M] each; NaN where a statistic has none (see `defined`).

    `defined` is the share of resamples in which the statistic is defined; the others are left out.
    """

    lo: Floats
    hi: Floats
    defined: Floats


def draws(n_questions: int, n_resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks [b, n_questions] of how often each question was drawn; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n_questions)
    for start in range(0, n_resamples, block):
        b = min(block, n_resamples - start)
        drawn = rng.integers(n_questions, size=(b, n_questions))
        drawn += np.arange(b)[:, None] * n_questions
        yield np.bincount(drawn.ravel(), minlength=b * n_questions).reshape(b, n_questions).astype(float)


def intervals(
    columns: Sequence[Floats],
    statistics: Callable[[Sequence[Floats]], Floats],
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    biased: Bools | None = None,
) -> Intervals:
    """95% bootstrap intervals of statistics of column sums.

    Args:
        columns: matrices [Q, C_i] with one row per question. For a paired difference, those of both models.
        statistics: sums [B, C_i] of each matrix → [B, M] statistics, NaN where one is undefined.
        n_resamples: B.
        seed: of the draws.
        biased: [M] which statistics resampling pushes one way, such as ECE, a sum of absolute values that noise
            makes larger. They get the basic interval `(2v - hi, 2v - lo)` about the value v, which takes that bias
            out again, instead of the percentile interval `(lo, hi)` (Davison and Hinkley 1997, §5.2).

    Returns:
        [M] intervals; NaN with fewer than two questions (there is nothing to resample), and where a statistic is
        undefined in half of the resamples or more.
    """
    n_questions = len(columns[0])
    value = statistics([matrix.sum(axis=0, keepdims=True) for matrix in columns])[0]
    if n_questions < 2:
        none = np.full(len(value), np.nan)
        return Intervals(none, none, none)
    blocks = draws(n_questions, n_resamples, seed)
    drawn = np.concatenate([statistics([counts @ matrix for matrix in columns]) for counts in blocks])
    defined = np.isfinite(drawn).mean(axis=0)
    tails = np.array([(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    bounds = np.full((2, len(value)), np.nan)
    always = defined == 1.0
    bounds[:, always] = np.quantile(drawn[:, always], tails, axis=0)
    for m in np.flatnonzero((defined > 0.5) & ~always):
        bounds[:, m] = np.quantile(drawn[np.isfinite(drawn[:, m]), m], tails)
    if biased is not None:
        bounds = np.where(biased, 2.0 * value - bounds[::-1], bounds)
    return Intervals(bounds[0], bounds[1], defined)
