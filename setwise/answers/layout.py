"""The words of a completion: which layout is asked for, what a parsed set holds, and why a text is no set."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


@dataclass(frozen=True)
class Layout:
    """The layout a completion must have.

    Attributes:
        k: answers in one completion. With 1 the tags carry no number (`<answer>`), else `<answer1>` … `<answerK>`.
        confidences: whether each answer states a confidence.
        analysis: whether one optional `<analysis>` block is read (before the first confidence or at the end).
    """

    k: int = 1
    confidences: bool = False
    analysis: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"a layout holds at least one answer, not k={self.k}")


Span = tuple[int, int]
"""A stretch of a completion: the characters from the first number up to the second, which is not included."""


class Spans(NamedTuple):
    """Where the blocks of a parsed completion stand, tags included. `confidences` is empty where none are asked for."""

    think: Span
    answers: tuple[Span, ...]
    confidences: tuple[Span, ...] = ()


def make_spans(blocks: tuple[Span, ...], k: int) -> Spans | None:
    """The places of `AnswerSet.blocks` by what they are (a flat tuple is cheap to keep for every completion)."""
    if not blocks:
        return None
    step = (len(blocks) - 1) // k
    return Spans(blocks[0], blocks[1::step], blocks[2::2] if step == 2 else ())


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The answers of one completion in order, with their stated confidences (None where the layout has none).

    `blocks` holds the places of the reasoning and then of each answer with its confidence; see `spans`. It takes no
    part in equality.
    """

    answers: tuple[str, ...]
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    analysis: str | None = None
    blocks: tuple[Span, ...] = field(default=(), compare=False, repr=False)

    @property
    def spans(self) -> Spans | None:
        """Where in the text the blocks stand; None for a set that was not parsed."""
        return make_spans(self.blocks, len(self.answers))


class Reason(StrEnum):
    """Why a completion is not a valid answer set; counted and logged under these names."""

    NOT_TEXT = "not_text"
    """Not a string: None, bytes, a number."""
    EMPTY = "empty"
    """Nothing but white space."""
    TOO_LONG = "too_long"
    """More than `MAX_BYTES` of UTF-8."""
    NOT_UTF8 = "not_utf8"
    """Holds a lone surrogate or U+FFFD, the traces of bytes that were no UTF-8."""
    NO_THINK = "no_think"
    """Does not start with the reasoning block."""
    UNCLOSED = "unclosed"
    NESTED = "nested"
    MISSING = "missing"
    EXTRA = "extra"
    UNORDERED = "unordered"
    REPEATED = "repeated"
    STRAY_TEXT = "stray_text"
    """Text between or after the blocks."""
    EMPTY_ANSWER = "empty_answer"
    """An answer without a visible character."""
    BAD_CONFIDENCE = "bad_confidence"
    """A confidence that is no plain decimal in [0, 1]."""
    DUPLICATE = "duplicate"
    """Two answers with the same key. Said by the judge, which knows the keys."""
    SUM_ABOVE_ONE = "sum_above_one"
    """Confidences of an exclusive question that sum to more than 1. Said by rewards; what it costs is their rule."""


@lru_cache(maxsize=64)
def tag_names(layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the answer tags and of the confidence tags (empty where none are asked for), in order."""
    numbers = [""] if layout.k == 1 else [str(i) for i in range(1, layout.k + 1)]
    confidences = tuple("confidence" + n for n in numbers) if layout.confidences else ()
    return tuple("answer" + n for n in numbers), confidences
