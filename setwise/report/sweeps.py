"""What sweeps over K left under `reports/sweeps/`: correct answers per set, by K, over seeds.

A file is one JSON object: `{"runs": [{"method": …, "k": …, "seed": …, "metrics": {"correct_at_K": …}, "curve": […]}]}`.
`metrics` are those of one generation on the test split; `curve`, optional, is the training curve's rows.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SWEEP_COMMAND = "python -m flows.sweep"
_T_975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""97.5% quantiles of Student's t with 1, 2, … degrees of freedom."""


@dataclass(frozen=True)
class Point:
    """Correct answers per set at one K: mean over seeds and its 95% t interval; no interval with one seed."""

    k: int
    mean: float
    lo: float | None
    hi: float | None
    seeds: int


def by_k(sweeps: Sequence[Mapping[str, Any]], method: str) -> list[Point]:
    """The points of a method, by K; empty where no sweep has it."""
    values: dict[int, list[float]] = defaultdict(list)
    for run in runs(sweeps, method):
        value = run["metrics"].get(f"correct_at_{run['k']}")
        if value is not None:
            values[run["k"]].append(value)
    return [_point(k, found) for k, found in sorted(values.items())]


def runs(sweeps: Sequence[Mapping[str, Any]], method: str) -> list[Mapping[str, Any]]:
    """The runs of a method in all sweeps."""
    return [run for sweep in sweeps for run in sweep.get("runs", ()) if run["method"] == method]


def _point(k: int, values: Sequence[float]) -> Point:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Point(k, mean, None, None, len(values))
    t = _T_975[min(len(values) - 1, len(_T_975)) - 1]
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return Point(k, mean, mean - half, mean + half, len(values))
