"""Sums by question → every figure of an evaluation, for the data and for each bootstrap resample by the same code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setwise.evaluation.tally import Calibration, Tally
from setwise.metrics.bootstrap import N_RESAMPLES, intervals
from setwise.metrics.calibration import N_BINS, auroc, ece, mass_bins, mass_edges, width_bins
from setwise.metrics.catalogue import VALID
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Bools, Floats, sum_by

CALIBRATION_ERRORS = ("ece_width", "ece_mass", "set_calibration_error")
CALIBRATED = (*CALIBRATION_ERRORS, "auroc")
BINNINGS = ("reliability", "mass", "set")
"""Answers by stated confidence in bins of equal width and of equal mass; sets by stated probability of coverage."""
LEVELS = 100
"""Distinct confidences kept apart in the resamples of AUROC. More are grouped there, never for its value."""


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
