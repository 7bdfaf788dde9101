"""The reward of a judged set, split into the parts that cause it (Puri et al., arXiv 2603.24844; DESIGN §2).

    R = w_f · 1[valid] + w_c · credit(h) − w_b · (1/K) Σ_i (q_i − h_i)²

An invalid completion earns nothing and, where confidences are asked for, the worst Brier term: R = −w_b.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from setwise.answers.layout import Span, Spans, make_spans

Credit = Literal["count", "any", "fraction"]
SumRule = Literal["format", "invalid", "off"]


class Weights(BaseModel):
    """What each part of the reward weighs; none is negative, or an invalid completion could be the best."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    format: float = Field(default=1.0, ge=0)
    correctness: float = Field(default=1.0, ge=0)
    brier: float = Field(default=1.0, ge=0)


class Breakdown(NamedTuple):
    """One reward and what caused it, weights included: `total == format + sum(correctness) + sum(brier)`.

    All of these are NaN where there is no verdict on the completion (see `decided`).

    Attributes:
        total: the reward.
        format: the format part.
        correctness: the credit of each answer, shape (K,).
        brier: the (negative) Brier term of each confidence, shape (K,); empty where none are asked for.
        reason: what is wrong: why the completion is invalid, or `sum_above_one`, which costs what the reward's sum rule
            says; None if nothing is.
        blocks: the places of the reasoning, the answers and the confidences; read them by `spans`.
        valid: whether it was scored as a valid set.
    """

    total: float
    format: float
    correctness: tuple[float, ...]
    brier: tuple[float, ...]
    reason: str | None
    blocks: tuple[Span, ...]
    valid: bool

    @property
    def decided(self) -> bool:
        """Whether there is a reward: not where a check that it depends on came to no verdict."""
        return not math.isnan(self.total)

    @property
    def spans(self) -> Spans | None:
        """Where in the completion the answers and confidences stand; None for one that could not be parsed."""
        return make_spans(self.blocks, len(self.correctness))


def credit_count(hits: tuple[int, ...], weight: float) -> tuple[float, ...]:
    """The paper's credit: w_c for each hit."""
    return tuple([weight * hit for hit in hits])


def credit_any(hits: tuple[int, ...], weight: float) -> tuple[float, ...]:
    """w_c for the first hit, whatever else is hit: coverage@K."""
    first = hits.index(1) if 1 in hits else -1
    return tuple([weight * (i == first) for i in range(len(hits))])


def credit_fraction(hits: tuple[int, ...], weight: float) -> tuple[float, ...]:
    """w_c / K for each hit: the share of the set that is right."""
    return tuple([weight * hit / len(hits) for hit in hits])


CREDITS: dict[str, Callable[[tuple[int, ...], float], tuple[float, ...]]] = {
    "count": credit_count,
    "any": credit_any,
    "fraction": credit_fraction,
}


def brier_terms(confidences: tuple[float, ...], hits: tuple[int, ...], weight: float) -> tuple[float, ...]:
    """−w_b (q_i − h_i)² / K for each answer; they sum to −w_b times the set Brier."""
    share = -weight / len(hits)
    return tuple([share * ((q - h) * (q - h)) for q, h in zip(confidences, hits, strict=True)])


def sums_above_one(confidences: tuple[float, ...], tolerance: float) -> bool:
    """Whether confidences sum to more than 1 + `tolerance` (and not only by floating-point error)."""
    return math.fsum(confidences) > 1 + tolerance + 1e-9
