"""The metrics of an evaluation by name: which there are, which way is better, why one can be undefined.

Names are stable and usable as MLflow keys. A metric over the valid completions only has the suffix `_valid`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

VALID = "_valid"
_AT = re.compile(r"_at_\d+$")
_MARKS = (1, 2, 3, 4, 5, 10, 20, 30)

Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Metric:
    """One metric (or family, for `…_at_k`). `better` is None for what describes the data, not the model."""

    better: Better
    undefined: str
    """Why its value can be None."""


_NO_VALID = "no valid completion"
_NO_CONFIDENCE = "no confidences are stated, or no valid completion"
_NO_POSTERIOR = "no posterior is known, or no valid completion"
_NO_BOTH = "needs a posterior, stated confidences and a valid completion"
_ONE_GENERATION = "needs two generations of a question long enough to compare"

CATALOGUE: dict[str, Metric] = {
    "valid_rate": Metric("higher", _NO_VALID),
    "undecided_rate": Metric("lower", _NO_VALID),
    "coverage": Metric("higher", _NO_VALID),
    "correct": Metric("higher", _NO_VALID),
    "precision": Metric("higher", _NO_VALID),
    "recall": Metric("higher", "no question has a gold list, or no valid completion"),
    "pass": Metric("higher", "no question has k valid completions"),
    "unique_answers": Metric("higher", _NO_VALID),
    "duplicate_rate": Metric("lower", _NO_VALID),
    "effective_set_size": Metric("higher", _NO_VALID),
    "set_brier": Metric("lower", _NO_CONFIDENCE),
    "answer_brier": Metric("lower", _NO_CONFIDENCE),
    "ece_width": Metric("lower", _NO_CONFIDENCE),
    "ece_mass": Metric("lower", _NO_CONFIDENCE),
    "auroc": Metric("higher", "no confidences are stated, or the answers are all right or all wrong"),
    "set_calibration_error": Metric("lower", _NO_CONFIDENCE),
    "mass_over_one": Metric("lower", "needs confidences and a valid completion to an exclusive question"),
    "tokens_per_question": Metric("lower", _NO_VALID),
    "tokens_per_distinct": Metric("lower", _NO_VALID),
    "tokens_per_correct": Metric("lower", "no correct answer"),
    "overlap_3gram": Metric("lower", _ONE_GENERATION),
    "overlap_4gram": Metric("lower", _ONE_GENERATION),
    "overlap_jaccard": Metric("lower", _ONE_GENERATION),
    "overlap_rouge_l": Metric("lower", _ONE_GENERATION),
    "attainable_coverage": Metric(None, "the attainable coverage is not known"),
    "attainable_set_brier": Metric(None, "no posterior is known"),
    "attainable_share": Metric("higher", "the attainable coverage is not known, or no valid completion"),
    "posterior_share": Metric("higher", _NO_POSTERIOR),
    "excess_set_brier": Metric("lower", _NO_BOTH),
    "excess_confidence_brier": Metric("lower", _NO_BOTH),
}


def metric(name: str) -> Metric:
    """The entry of a metric's full name, such as `coverage_at_3_valid`. KeyError where there is none."""
    return CATALOGUE[_AT.sub("", name.removesuffix(VALID))]


def marks(most: int) -> list[int]:
    """The k at which `…_at_k` is given: 1 … 5, 10, 20, 30 as far as `most` goes, and `most`."""
    return sorted({k for k in _MARKS if k < most} | {most})
