"""Sums by question → every figure of an evaluation, for the data and for each bootstrap resample by the same code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setwise.evaluation.catalogue import VALID
from setwise.evaluation.tally import Calibration, Tally
from setwise.metrics.bootstrap import N_RESAMPLES, intervals
from setwise.metrics.calibration import N_BINS, auroc, ece, mass_bins, mass_edges, width_bins
from setwise.metrics.sets import Bools, Floats, sum_by

_LEVELS = 200
"""Distinct confidences kept apart in the resamples of AUROC; more are grouped, for its interval only."""


CALIBRATION_ERRORS = ("ece_width", "ece_mass", "set_calibration_error")
CALIBRATED = (*CALIBRATION_ERRORS, "auroc")
BINNINGS = ("reliability", "mass", "set")


@dataclass(frozen=True)
class Columns:
    """Sums by question as one matrix, and how to read figures off sums of its rows.

    Attributes:
        matrix: [Q, C] the columns; any resample of questions is a product with it.
        ratios: names of the ratio metrics; their numerators come first, then their denominators.
        curves: names of the curves, `n` columns each, after the ratios.
        n: points of a curve.
        levels: distinct confidences kept apart for AUROC; None where no confidences are stated.
    """

    matrix: Floats
    ratios: tuple[str, ...]
    curves: tuple[str, ...]
    n: int
    levels: int | None

    def names(self) -> list[str]:
        """The figures in the order `figures` gives them: metrics, then `curve/NAME/n`, `reliability/bin`, `set/bin`."""
        names = [*self.ratios, *(f"curve/{curve}/{i + 1}" for curve in self.curves for i in range(self.n))]
        if self.levels is None:
            return names
        bins = [f"{kind}/{b}" for kind in BINNINGS for b in range(N_BINS)]
        return [*names, *CALIBRATED, *(name + VALID for name in CALIBRATED), *bins]

    def biased(self) -> Bools:
        """[M] which figures are calibration errors, that resampling makes larger."""
        return np.array([name.removesuffix(VALID) in CALIBRATION_ERRORS for name in self.names()])

    def bins(self) -> Floats:
        """[3, 3, N_BINS] of the data: answers by equal width, by equal mass, and sets by equal width; in each bin
        how many, the sum of what was stated, and how many were right (covered)."""
        sums = self.matrix.sum(axis=0)
        start = 2 * len(self.ratios) + len(self.curves) * self.n + 3
        return sums[start : start + 9 * N_BINS].reshape(3, 3, N_BINS)

    def figures(self, sums: Floats) -> Floats:
        """[B, C] sums → [B, M] figures, NaN where one is undefined."""
        m, width = len(self.ratios), len(self.curves) * self.n
        parts = [sums[:, :m], sums[:, m : 2 * m], sums[:, 2 * m : 2 * m + width], sums[:, 2 * m + width :]]
        figures = [_divide(parts[0], parts[1]), parts[2] / parts[3][:, :1]]
        if self.levels is not None:
            figures.append(_calibration_figures(parts[3][:, 1:], self.levels))
        return np.concatenate(figures, axis=1)


def columns(tally: Tally) -> Columns:
    """The columns of one evaluation."""
    ratios = tuple(tally.ratios)
    parts = [np.stack([tally.ratios[name].numerator for name in ratios], axis=1)]
    parts.append(np.stack([tally.ratios[name].denominator for name in ratios], axis=1))
    parts.extend(tally.curves.values())
    parts.append(np.ones((tally.n_questions, 1)))
    levels = None
    if tally.calibration is not None:
        calibrated, levels = _calibration_columns(tally.calibration, tally.n_questions)
        parts.append(calibrated)
    n = next(iter(tally.curves.values())).shape[1]
    return Columns(np.concatenate(parts, axis=1), ratios, tuple(tally.curves), n, levels)


def values(columns: Columns) -> dict[str, float | None]:
    """Every figure of the data; None where it is undefined."""
    figures = columns.figures(columns.matrix.sum(axis=0, keepdims=True))[0]
    return {
        name: float(figure) if np.isfinite(figure) else None
        for name, figure in zip(columns.names(), figures, strict=True)
    }


def bounds(columns: Columns, n_resamples: int = N_RESAMPLES, seed: int = 0) -> dict[str, tuple[float, float] | None]:
    """The 95% interval of every figure; None where it has none. That of a calibration error stays in [0, 1]."""
    found = intervals(columns.matrix, columns.figures, n_resamples, seed, columns.biased())
    value = columns.figures(columns.matrix.sum(axis=0, keepdims=True))[0]
    lo = np.where(columns.biased(), np.clip(found.lo, 0.0, value), found.lo)
    hi = np.where(columns.biased(), np.clip(found.hi, value, 1.0), found.hi)
    return {
        name: (float(low), float(high)) if np.isfinite(low) else None
        for name, low, high in zip(columns.names(), lo, hi, strict=True)
    }


def _calibration_columns(sums: Calibration, n: int) -> tuple[Floats, int]:
    """[Q, …] columns: invalid answers and sets, three binnings of [3, bins], hits and misses by level; and levels."""
    edges = mass_edges(np.repeat(sums.confidence, sums.count.astype(np.int64)))
    binned = []
    for bins in (width_bins(sums.confidence), mass_bins(sums.confidence, edges)):
        at = sums.question * N_BINS + bins
        weighted = (sums.count, sums.confidence * sums.count, sums.hits)
        cells = [sum_by(at, weight, n * N_BINS).reshape(n, N_BINS) for weight in weighted]
        binned.append(np.concatenate(cells, axis=1))
    stated, level = np.unique(sums.confidence, return_inverse=True)
    if len(stated) > _LEVELS:
        level, stated = level * _LEVELS // len(stated), stated[:_LEVELS]
    at = sums.question * len(stated) + level
    cells = [sum_by(at, w, n * len(stated)) for w in (sums.hits, sums.count - sums.hits)]
    by_level = [cell.reshape(n, len(stated)) for cell in cells]
    invalid = np.stack([sums.invalid_answers, sums.invalid_sets], axis=1)
    return np.concatenate([invalid, *binned, sums.set_bins.reshape(n, -1), *by_level], axis=1), len(stated)


def _calibration_figures(sums: Floats, levels: int) -> Floats:
    """[B, …] sums of those columns → the calibration figures in the order of `Columns.names`."""
    answers, sets = sums[:, 0], sums[:, 1]
    binned = sums[:, 2 : 2 + 9 * N_BINS].reshape(-1, 3, 3, N_BINS)
    hits, misses = sums[:, 2 + 9 * N_BINS :].reshape(-1, 2, levels).transpose(1, 0, 2)
    scores = []
    for missing in ((answers, answers, sets), np.zeros((3, len(sums)))):
        scores += [ece(binned[:, i], missing[i]) for i in range(3)]
        scores.append(auroc(hits, misses, missing[0]))
    accuracy = _divide(binned[:, :, 2], binned[:, :, 0]).reshape(len(sums), -1)
    return np.concatenate([np.stack(scores, axis=1), accuracy], axis=1)


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    out = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
