"""Training that has gone wrong is stopped and says so: a loss that is no number, a dead reward, validity that falls."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

CONSTANT_LOGS = 20
"""Rows in a row without any spread of the reward within a group."""
NO_ADVANTAGE = 1e-4
"""Advantages below this are rounding: every group had one reward. (TRL's `frac_reward_zero_std` says so only when
rewards are scaled by group; otherwise it speaks of the whole batch.)"""
COLLAPSE_LOGS = 5
"""Rows in a row with validity below half of the best so far, and by more than chance explains."""
CHANCE = 3.0
"""Standard errors that chance explains; the completions of one question count as one draw, of the widest spread."""
MOSTLY = 0.5
"""Share of completions cut short, invalid or without a verdict above which a dead reward is put down to that."""
EXPLODED_NORM = 1e4
"""A gradient norm, before clipping, that no run of ours that learned came near (the largest seen was 40)."""


class TrainingFailure(RuntimeError):  # noqa: N818 - named for what the user reads
    """Training cannot go on; the last good checkpoint is kept."""


class Alarms:
    """Reads the curve row by row and raises `TrainingFailure` as soon as a rule is broken.

    Args:
        questions: how many a row of the curve is the mean of.
    """

    def __init__(self, questions: int) -> None:
        self._constant = 0
        self._best_valid = 0.0
        self._last_valid: deque[float] = deque(maxlen=COLLAPSE_LOGS)
        self._noise = CHANCE * 0.5 * math.sqrt(1 / questions + 1 / (questions * COLLAPSE_LOGS))

    def check(self, step: int, row: Mapping[str, float]) -> None:
        """Check one row of the curve (keys as in `setwise.training.train`)."""
        for key in ("train/loss", "train/grad_norm", "train/reward"):
            value = row.get(key, 0.0)
            if not math.isfinite(value):
                raise TrainingFailure(f"step {step}: {key} is {value}; lower train.learning_rate")
        if row.get("train/grad_norm", 0.0) > EXPLODED_NORM:
            raise TrainingFailure(
                f"step {step}: the gradient norm is {row['train/grad_norm']:.3g}; lower train.learning_rate"
            )
        dead = row.get("train/largest_advantage", 1.0) < NO_ADVANTAGE
        self._constant = self._constant + 1 if dead else 0
        if self._constant >= CONSTANT_LOGS:
            raise TrainingFailure(
                f"step {step}: for {CONSTANT_LOGS} rows every group had one reward, so nothing is learned; "
                + _remedy(row)
            )
        if "train/valid" in row:
            self._check_validity(step, row["train/valid"])

    def _check_validity(self, step: int, valid: float) -> None:
        self._best_valid = max(self._best_valid, valid)
        self._last_valid.append(valid)
        mean = sum(self._last_valid) / len(self._last_valid)
        low = len(self._last_valid) == COLLAPSE_LOGS and max(self._last_valid) < self._best_valid / 2
        if low and self._best_valid - mean > self._noise:
            raise TrainingFailure(
                f"step {step}: validity fell to {mean:.3f} from {self._best_valid:.3f}; lower train.learning_rate"
            )


def _remedy(row: Mapping[str, float]) -> str:
    """What to do about a dead reward, by what the completions of the last row were like."""
    if (undecided := row.get("train/undecided", 0.0)) > MOSTLY:
        return f"{undecided:.0%} of the completions have no verdict; see the warnings for the checks that failed"
    cut, valid = row.get("train/completions/clipped_ratio", 0.0), row.get("train/valid", 1.0)
    if cut > MOSTLY and valid < 1 - MOSTLY:
        return f"{cut:.0%} of the completions are cut short; raise train.max_completion_tokens or lower k"
    return "raise train.temperature or check the warm start"
