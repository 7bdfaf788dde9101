"""The mean of a figure over seeds, with Student's 95% interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def mean_over_seeds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean, lower and upper end of `values` (S,), one of each seed; no ends with fewer than two seeds."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half
