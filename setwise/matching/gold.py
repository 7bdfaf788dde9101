"""What is right for one question, and what a matcher says of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Gold:
    """What is right for one question.

    Attributes:
        answers: the gold set `Y*`; each gold answer is a tuple of aliases.
        match: which matcher decides: `exact`, `text`, `math` or `code`.
        tests: for `code`, the assertions a program must pass.
        setup: for `code`, code run before the program.
        exclusive: at most one answer is true (confidences should sum to at most 1).
    """

    answers: tuple[tuple[str, ...], ...]
    match: str = "text"
    exclusive: bool = False
    tests: tuple[str, ...] = ()
    setup: str = ""


class Matched(NamedTuple):
    """The answers of one set matched against its gold set, in the order of the answers.

    Attributes:
        keys: what makes two answers the same answer: `gold:<index>` of the gold answer it matches, else `text:`,
            `math:` or `program:` and a normal form.
        right: 1 for each answer that is right, else 0. It is a hit if no earlier answer has the same key.
        faults: checks that came to no verdict (such as `math_timed_out`) and on which it depends whether an answer is
            right or repeats another; a check that can't change either is not among them.
    """

    keys: tuple[str, ...]
    right: tuple[int, ...]
    faults: tuple[str, ...] = ()


class Matcher(Protocol):
    """Matches the answers of many sets at once, so that slow checks run side by side."""

    def __call__(self, sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
        """What `sets[i]` matches in `golds[i]`, for each i."""
        ...
