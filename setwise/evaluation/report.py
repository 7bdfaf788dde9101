"""A store → a `MetricsReport`: every metric with its interval, the curves and bins, as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from setwise.domains import Example
from setwise.evaluation.catalogue import VALID, metric
from setwise.evaluation.statistics import bounds, columns, values
from setwise.evaluation.store import StoreKey
from setwise.evaluation.tally import Tally, tally
from setwise.metrics.bootstrap import LEVEL, N_RESAMPLES

MetricsReport = dict[str, Any]
_CALIBRATED = ("ece_width", "ece_mass", "auroc", "set_calibration_error")


def summarise(
    path: Path,
    examples: Sequence[Example],
    expected: StoreKey | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> MetricsReport:
    """Judge the evaluation in `path` by every metric.

    Args:
        path: a store that `generate` wrote.
        examples: the questions it was made from.
        expected: refuse a file made from something else (another K, other weights, …).
        n_resamples: bootstrap resamples of the questions.
        seed: of the resamples.

    Returns:
        The report (its shape: `docs/metrics.md`). No value in it is NaN: what is undefined is None, with a reason.

    Raises:
        InputError: the file is missing, damaged, not of these examples, or does not fit `expected`.
    """
    sums = tally(path, examples, expected)
    table = columns(sums)
    value, bound = values(table), bounds(table, n_resamples, seed)
    names = [*sums.ratios, *(name + form for form in ("", VALID) for name in _CALIBRATED)]
    return {
        "key": asdict(sums.key),
        "n_questions": sums.n_questions,
        "generations": sums.key.protocol.generations,
        "answers": sums.key.protocol.answers,
        "level": LEVEL,
        "n_resamples": n_resamples,
        "invalid": {"reasons": dict(sorted(sums.reasons.items())), "unfinished": sums.unfinished},
        "metrics": {name: _entry(name, value.get(name), bound.get(name), sums) for name in names},
        "curves": _curves(sums, value, bound),
    }


def _entry(name: str, value: float | None, bound: tuple[float, float] | None, sums: Tally) -> dict[str, Any]:
    if name in sums.ratios:
        n = int((sums.ratios[name].denominator > 0).sum())
    else:
        n = 0 if sums.calibration is None or value is None else sums.n_questions
    lo, hi = bound or (None, None)
    reason = metric(name).undefined if value is None else None
    if value is not None and bound is None:
        reason = "no interval: one question" if sums.n_questions == 1 else "no interval: undefined in most resamples"
    return {"value": value, "lo": lo, "hi": hi, "n": n, "reason": reason, "better": metric(name).better}


def _curves(
    sums: Tally, value: dict[str, float | None], bound: dict[str, tuple[float, float] | None]
) -> dict[str, Any]:
    n = next(iter(sums.curves.values())).shape[1]
    unique = sums.curves["unique"][:, -1].astype(np.int64)
    curves: dict[str, Any] = {"answers": list(range(1, n + 1))}
    for name in sums.curves:
        points = [f"curve/{name}/{i}" for i in curves["answers"]]
        pairs = [bound[point] or (None, None) for point in points]
        curves[name] = {
            "value": [value[point] for point in points],
            "lo": [lo for lo, _ in pairs],
            "hi": [hi for _, hi in pairs],
        }
    counts = np.bincount(unique, minlength=n + 1).tolist()
    return curves | {"unique_histogram": {"answers": n, "unique": list(range(n + 1)), "questions": counts}}
