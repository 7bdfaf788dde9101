"""A store → a `MetricsReport`: every metric with its interval, the curves and bins, as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from setwise.domains import Example
from setwise.evaluation.statistics import BINNINGS, CALIBRATED, Figures, figures
from setwise.evaluation.store import Store, StoreKey
from setwise.evaluation.tally import Calibration, Tally, tally
from setwise.metrics.bootstrap import LEVEL, N_RESAMPLES
from setwise.metrics.calibration import N_BINS, mass_edges
from setwise.metrics.catalogue import VALID, metric
from setwise.metrics.overlap import OVERLAPS, pair_overlaps, shared_spans
from setwise.metrics.scaling import CURVES

MetricsReport = dict[str, Any]
_Values = dict[str, float | None]
_Bounds = dict[str, tuple[float, float] | None]


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
    found = figures(sums)
    value, bound = found.values(), found.bounds(n_resamples, seed)
    names = [*sums.metrics, *(name + form for form in ("", VALID) for name in CALIBRATED)]
    return {
        "key": asdict(sums.key),
        "n_questions": sums.n_questions,
        "generations": sums.key.protocol.generations,
        "answers": sums.key.protocol.answers,
        "level": LEVEL,
        "n_resamples": n_resamples,
        "invalid": {"reasons": dict(sorted(sums.reasons.items())), "unfinished": sums.unfinished},
        "faults": dict(sorted(sums.faults.items())),
        "metrics": {name: _entry(name, value.get(name), bound.get(name), sums) for name in names},
        "curves": _curves(sums, value, bound),
        "unique_histogram": _unique_histogram(sums),
        "calibration": None if sums.calibration is None else _bins(sums.calibration, found, value, bound),
        "highlighted_pair": _highlighted_pair(sums, path, examples),
    }


def _entry(name: str, value: float | None, bound: tuple[float, float] | None, sums: Tally) -> dict[str, Any]:
    if name in sums.metrics:
        n = int((sums.denominators[:, sums.metrics.index(name)] > 0).sum())
    elif sums.calibration is None or value is None:
        n = 0
    else:
        n = len(np.unique(sums.calibration.question)) if name.endswith(VALID) else sums.n_questions
    lo, hi = bound or (None, None)
    reason = metric(name).undefined if value is None else None
    if value is not None and bound is None:
        reason = "no interval: one question" if sums.n_questions == 1 else "no interval: undefined in most resamples"
    return {"value": value, "lo": lo, "hi": hi, "n": n, "reason": reason, "better": metric(name).better}


def _curves(sums: Tally, value: _Values, bound: _Bounds) -> dict[str, Any]:
    curves: dict[str, Any] = {"answers": list(range(1, sums.curves.shape[2] + 1))}
    for name in CURVES:
        points = [f"curve/{name}/{i}" for i in curves["answers"]]
        curves[name] = {
            "value": [value[point] for point in points],
            "lo": [_bound(bound, point)[0] for point in points],
            "hi": [_bound(bound, point)[1] for point in points],
        }
    return curves


def _bound(bound: _Bounds, name: str) -> tuple[float | None, float | None]:
    return bound[name] or (None, None)


def _unique_histogram(sums: Tally) -> dict[str, Any]:
    """How many questions have 0, 1, 2, … unique answers among their first n answers."""
    unique = sums.curves[:, CURVES.index("unique")]
    n = unique.shape[1]
    counts = np.bincount(unique[sums.judged, -1].astype(np.int64), minlength=n + 1)
    return {"answers": n, "unique": list(range(n + 1)), "questions": counts.tolist()}


def _bins(sums: Calibration, table: Figures, value: _Values, bound: _Bounds) -> dict[str, Any]:
    """The reliability bins of answers (equal width, equal mass) and of sets; empty bins are left out."""
    width = [i / N_BINS for i in range(N_BINS + 1)]
    mass = [0.0, *mass_edges(sums.confidence, sums.count).tolist()]
    found: dict[str, Any] = {
        "invalid_answers": int(sums.invalid_answers.sum()),
        "invalid_sets": int(sums.invalid_sets.sum()),
    }
    for kind, edges, cells in zip(BINNINGS, (width, mass, width), table.bins(), strict=True):
        found[kind] = [
            {
                "from": edges[b],
                "to": edges[b + 1],
                "n": int(count),
                "stated": float(stated / count),
                "observed": value[f"{kind}/{b}"],
                "lo": _bound(bound, f"{kind}/{b}")[0],
                "hi": _bound(bound, f"{kind}/{b}")[1],
            }
            for b, (count, stated) in enumerate(zip(cells[0], cells[1], strict=True))
            if count > 0
        ]
    return found


def _highlighted_pair(sums: Tally, path: Path, examples: Sequence[Example]) -> dict[str, Any] | None:
    """Two generations of one question that repeat each other as much as such pairs do on average, for showing."""
    known = np.flatnonzero(np.isfinite(sums.first_rouge))
    if len(known) == 0:
        return None
    mean = sums.first_rouge[known].mean()
    index = int(known[np.abs(sums.first_rouge[known] - mean).argmin()])
    first, second = (row["text"] for row in Store(path).read_question(index)[:2])
    overlaps = pair_overlaps(first, second)
    return {
        "question_id": examples[index].id,
        "question": examples[index].question,
        "texts": [first, second],
        "shared": [[list(span) for span in spans] for spans in shared_spans(first, second)],
        "overlaps": {
            name: float(value) if np.isfinite(value) else None for name, value in zip(OVERLAPS, overlaps, strict=True)
        },
    }
