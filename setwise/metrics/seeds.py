"""The mean of a figure over seeds, with Student's 95% interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

_T_975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""97.5% quantiles of Student's t with 1, 2, … degrees of freedom."""


def mean_over_seeds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean, lower and upper end of `values` (S,), one of each seed; no ends with fewer than two seeds."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    t = _T_975[min(len(values) - 1, len(_T_975)) - 1]
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half
