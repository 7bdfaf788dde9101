"""Measure how often 95% intervals of ECE hold the true value, percentile against basic. Prints one JSON object.

    OMP_NUM_THREADS=1 python benchmarks/calibration_intervals.py

Questions of three answers with confidences drawn from Beta(1, 2); an answer is right with probability q - shift, at
least 0. The true ECE is that of 400,000 questions. Takes about two minutes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from setwise.metrics.bootstrap import intervals
from setwise.metrics.calibration import N_BINS, bin_sums, ece, width_bins

TRIALS, RESAMPLES, ANSWERS = 300, 500, 3


def draw(rng: np.random.Generator, n_questions: int, shift: float) -> np.ndarray:
    """[Q, 3 * N_BINS] bin sums of questions drawn at random."""
    stated = np.round(rng.beta(1, 2, size=n_questions * ANSWERS), 2)
    hits = (rng.random(len(stated)) < np.clip(stated - shift, 0, 1)).astype(float)
    cells = width_bins(stated) + N_BINS * np.arange(n_questions).repeat(ANSWERS)
    sums = bin_sums(cells, stated, hits, N_BINS * n_questions)
    return sums.reshape(3, n_questions, N_BINS).transpose(1, 0, 2).reshape(n_questions, -1)


def read_ece(sums: Sequence[np.ndarray]) -> np.ndarray:
    """[B, 1] the ECE of bin sums [B, 3 * N_BINS]."""
    return ece(sums[0].reshape(-1, 3, N_BINS))[:, None]


def measure(n_questions: int, shift: float) -> dict[str, float]:
    """Shares of trials in which each interval held the true ECE."""
    rng = np.random.default_rng(0)
    true = float(read_ece([draw(rng, 400_000, shift).sum(axis=0, keepdims=True)])[0, 0])
    held = {False: 0, True: 0}
    for trial in range(TRIALS):
        columns = [draw(rng, n_questions, shift)]
        for basic in held:
            found = intervals(columns, read_ece, RESAMPLES, seed=trial, biased=np.array([basic]))
            held[basic] += bool(found.lo[0] <= true <= found.hi[0])
    shares = {"percentile": held[False] / TRIALS, "basic": held[True] / TRIALS}
    return {"questions": n_questions, "true_ece": round(true, 4)} | {k: round(v, 3) for k, v in shares.items()}


def main() -> None:
    """Measure three sizes and three degrees of overconfidence."""
    results = [measure(n, shift) for n in (100, 500, 2000) for shift in (0.0, 0.05, 0.15)]
    print(json.dumps({"trials": TRIALS, "resamples": RESAMPLES, "intervals": results}, indent=2))


if __name__ == "__main__":
    main()
