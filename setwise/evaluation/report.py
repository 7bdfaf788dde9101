"""Sums by question → the table: every figure with its interval, the curves and bins, as one JSON object.

Every figure is read off sums by the same code, for the data and for each bootstrap resample of the questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from setwise.domains import Example
from setwise.evaluation.store import Store, gold_digest
from setwise.evaluation.tally import Calibration, Tally, tally
from setwise.metrics.bootstrap import LEVEL, N_RESAMPLES, intervals
from setwise.metrics.calibration import N_BINS, auroc, ece, mass_bins, mass_edges, width_bins
from setwise.metrics.catalogue import VALID, metric
from setwise.metrics.overlap import OVERLAPS, pair_overlaps, shared_spans
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Bools, Floats, sum_by

MetricsReport = dict[str, Any]
_Values = dict[str, float | None]
_Bounds = dict[str, tuple[float, float] | None]

CALIBRATION_ERRORS = ("ece_width", "ece_mass", "set_calibration_error")
CALIBRATED = (*CALIBRATION_ERRORS, "auroc")
BINNINGS = ("reliability", "mass", "set")
"""Answers by stated confidence in bins of equal width and of equal mass; sets by stated probability of coverage."""
LEVELS = 100
"""Distinct confidences kept apart in the resamples of AUROC. More are grouped there, never for its value."""


def summarise(path: Path, examples: Sequence[Example], n_resamples: int = N_RESAMPLES, seed: int = 0) -> MetricsReport:
    """The verdicts in `path` by every metric.

    Args:
        path: a file that `judge` wrote.
        examples: the questions it was judged by.
        n_resamples: bootstrap resamples of the questions.
        seed: of the resamples.

    Returns:
        The report (its shape: `docs/metrics.md`). No value in it is NaN: what is undefined is None, with a reason.

    Raises:
        InputError: the file is missing, damaged, not judged, or not by these examples.
    """
    sums = tally(path, examples)
    found = figures(sums)
    value, bound = found.values(), found.bounds(n_resamples, seed)
    names = [*sums.metrics, *(name + form for form in ("", VALID) for name in CALIBRATED)]
    return {
        "key": asdict(sums.key),
        "gold": gold_digest(examples),
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


@dataclass(frozen=True)
class Figures:
    """The figures of one evaluation: the sums they are read off, and how.

    Attributes:
        tally: the sums by question.
        columns: matrices [Q, C_i]: numerators, denominators, questions judged, curves, and calibration if there is any.
        names: of the M figures: metrics, then `curve/NAME/n`, then `BINNING/bin` (what was observed in that bin).
        levels: levels of confidence in the calibration columns.
    """

    tally: Tally
    columns: tuple[Floats, ...]
    names: tuple[str, ...]
    levels: int

    def read(self, sums: Sequence[Floats]) -> Floats:
        """Sums [B, C_i] of any draw of the questions → [B, M] figures, NaN where one is undefined."""
        numerators, denominators, questions, curves = sums[:4]
        figures = [_divide(numerators, denominators), _divide(curves, np.broadcast_to(questions, curves.shape))]
        if len(sums) > 4:
            figures.append(_calibration_figures(sums[4], self.levels))
        return np.concatenate(figures, axis=1)

    def values(self) -> dict[str, float | None]:
        """Every figure of the data; None where it is undefined."""
        figures = self.read([matrix.sum(axis=0, keepdims=True) for matrix in self.columns])[0]
        found = dict(zip(self.names, figures.tolist(), strict=True))
        if self.tally.calibration is not None:
            found |= _exact_auroc(self.tally.calibration)
        return {name: value if np.isfinite(value) else None for name, value in found.items()}

    def bounds(self, n_resamples: int = N_RESAMPLES, seed: int = 0) -> dict[str, tuple[float, float] | None]:
        """The 95% interval of every figure; None where it has none. That of a calibration error stays in [0, 1]."""
        found = intervals(self.columns, self.read, n_resamples, seed, self.biased())
        values = self.values()
        bounds: dict[str, tuple[float, float] | None] = {}
        for name, lo, hi, error in zip(self.names, found.lo.tolist(), found.hi.tolist(), self.biased(), strict=True):
            value = values[name]
            if not np.isfinite(lo) or value is None:
                bounds[name] = None
            elif error:
                bounds[name] = (min(max(lo, 0.0), value), max(min(hi, 1.0), value))
            else:
                bounds[name] = (lo, hi)
        return bounds

    def biased(self) -> Bools:
        """[M] which figures are calibration errors, that resampling makes larger."""
        return np.array([name.removesuffix(VALID) in CALIBRATION_ERRORS for name in self.names])

    def bins(self) -> Floats:
        """[3, 3, N_BINS] of the data, for each of `BINNINGS`: how many, Σ stated, Σ observed."""
        return self.columns[4].sum(axis=0)[2 : 2 + 9 * N_BINS].reshape(3, 3, N_BINS)


def figures(tally: Tally) -> Figures:
    """The figures of one evaluation."""
    n = tally.curves.shape[2]
    names = [*tally.metrics, *(f"curve/{curve}/{i + 1}" for curve in CURVES for i in range(n))]
    judged, curves = tally.judged[:, None].astype(float), tally.curves.reshape(tally.n_questions, -1)
    columns, levels = [tally.numerators, tally.denominators, judged, curves], 0
    if tally.calibration is not None:
        calibrated, levels = _calibration_columns(tally.calibration, tally.n_questions)
        columns.append(calibrated)
        names += [name + form for form in ("", VALID) for name in CALIBRATED]
        names += [f"{kind}/{b}" for kind in BINNINGS for b in range(N_BINS)]
    return Figures(tally, tuple(columns), tuple(names), levels)


def _calibration_columns(sums: Calibration, n: int) -> tuple[Floats, int]:
    """[Q, …] columns: invalid answers and sets, three binnings of [3, bins], hits and misses by level; and levels."""
    stated, level = np.unique(sums.confidence, return_inverse=True)
    levels = min(len(stated), LEVELS)
    columns = np.empty((n, 2 + 9 * N_BINS + 2 * levels))
    columns[:, 0], columns[:, 1] = sums.invalid_answers, sums.invalid_sets
    binned = np.empty((n, 3, 3, N_BINS))
    edges = mass_edges(sums.confidence, sums.count)
    for i, bins in enumerate((width_bins(sums.confidence), mass_bins(sums.confidence, edges))):
        at = sums.question * N_BINS + bins
        for j, weight in enumerate((sums.count, sums.confidence * sums.count, sums.hits)):
            binned[:, i, j] = sum_by(at, weight, n * N_BINS).reshape(n, N_BINS)
    binned[:, 2] = sums.set_bins
    columns[:, 2 : 2 + 9 * N_BINS] = binned.reshape(n, -1)
    at = sums.question * levels + level * levels // max(len(stated), 1)
    for j, weight in enumerate((sums.hits, sums.count - sums.hits)):
        start = 2 + 9 * N_BINS + j * levels
        columns[:, start : start + levels] = sum_by(at, weight, n * levels).reshape(n, levels)
    return columns, levels


def _calibration_figures(sums: Floats, levels: int) -> Floats:
    """[B, …] sums of those columns → `CALIBRATED` in both forms, then what was observed in each bin."""
    answers, sets = sums[:, 0], sums[:, 1]
    binned = sums[:, 2 : 2 + 9 * N_BINS].reshape(-1, 3, 3, N_BINS)
    hits, misses = sums[:, 2 + 9 * N_BINS :].reshape(len(sums), 2, levels).transpose(1, 0, 2)
    scores = []
    for missing in ((answers, answers, sets), np.zeros((3, len(sums)))):
        scores += [ece(binned[:, i], missing[i]) for i in range(3)]
        scores.append(auroc(hits, misses, missing[0]))
    observed = _divide(binned[:, :, 2], binned[:, :, 0]).reshape(len(sums), -1)
    return np.concatenate([np.stack(scores, axis=1), observed], axis=1)


def _exact_auroc(sums: Calibration) -> dict[str, float]:
    stated, level = np.unique(sums.confidence, return_inverse=True)
    hits, misses = (sum_by(level, w, len(stated)) for w in (sums.hits, sums.count - sums.hits))
    missing = float(sums.invalid_answers.sum())
    return {"auroc": float(auroc(hits, misses, missing)), "auroc" + VALID: float(auroc(hits, misses))}


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    out = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
