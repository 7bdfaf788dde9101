"""The words of a completion: which layout is asked for, what a parsed set holds, and why a text is no set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Layout:
    """The layout a completion must have.

    Attributes:
        k: answers in one completion. With 1 the tags carry no number (`<answer>`), else `<answer1>` … `<answerK>`.
        confidences: whether each answer states a confidence.
        analysis: whether one optional `<analysis>` block is read (before the confidences or at the end).
    """

    k: int = 1
    confidences: bool = False
    analysis: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"a layout holds at least one answer, not k={self.k}")


@dataclass(frozen=True)
class AnswerSet:
    """The answers of one completion in order, with their stated confidences (None where the layout has none)."""

    answers: tuple[str, ...]
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    analysis: str | None = None


class Reason(StrEnum):
    """Why a completion is not a valid answer set; counted and logged under these names."""

    NOT_TEXT = "not_text"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    NO_THINK = "no_think"
    UNCLOSED = "unclosed"
    NESTED = "nested"
    MISSING = "missing"
    EXTRA = "extra"
    UNORDERED = "unordered"
    REPEATED = "repeated"
    STRAY_TEXT = "stray_text"
    EMPTY_ANSWER = "empty_answer"
    BAD_CONFIDENCE = "bad_confidence"
    DUPLICATE = "duplicate"
