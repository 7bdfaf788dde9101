"""Rows with a question column and an answer column named in the params: what `qa` and `math` share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from setwise.domains._readings import Aliases, join_readings
from setwise.domains.splits import SplitParams
from setwise.errors import InputError
from setwise.sources import read_list, read_text

_LARGEST_WHOLE = 2**53
"""Up to here a float holds every integer exactly."""


class GivenAnswersParams(SplitParams):
    """Which columns hold what. A dot reads into an object: `answers.text`.

    Attributes:
        question: the column of the question.
        answer: the column of the answer or answers.
        answer_is: `one` answer; a list of `aliases` of one answer; or a list of `several` answers, each an answer or
            a list of its aliases. A CSV file holds a list as JSON or a Python literal.
        exclusive: whether at most one answer is true, so that confidences should sum to at most 1 (null: it is, unless
            `answer_is` says `several`).
    """

    question: str = Field(default="question", min_length=1)
    answer: str = Field(default="answer", min_length=1)
    answer_is: Literal["one", "aliases", "several"] = "one"
    exclusive: bool | None = None

    @model_validator(mode="after")
    def _several_are_not_exclusive(self) -> Self:
        if self.exclusive and self.answer_is == "several":
            raise ValueError("exclusive: true says that one answer is true, answer_is: several that more are; drop one")
        return self

    @property
    def is_exclusive(self) -> bool:
        """Whether at most one answer is true."""
        return self.answer_is != "several" if self.exclusive is None else self.exclusive


def read_column(row: Mapping[str, Any], path: str, place: str) -> Any:
    """The value at `path`, a column name or a dotted path into one; `InputError` names the row and the columns."""
    value: Any = row
    if path in row:
        return row[path]
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            there = ", ".join(map(str, row))
            raise InputError(
                f"{place}: column {path!r} is missing (there: {there}); set domain.question or domain.answer"
            )
        value = value[part]
    return value


def read_gold(
    row: Mapping[str, Any],
    params: GivenAnswersParams,
    place: str,
    form: Callable[[str], str],
    extract: Callable[[str], str] = str,
) -> tuple[Aliases, ...]:
    """The gold answers of a row, each with its aliases; those of `several` that share an alias are one.

    Args:
        row, params, place: the row, where its answers stand, and how messages name it.
        form: the normal form in which answers are compared.
        extract: takes the answer out of each text.

    Raises:
        InputError: there is no answer, or it is not what `answer_is` says.
    """
    value = read_column(row, params.answer, place)

    def read_one(answer: object) -> str:
        text = read_text(_write_number(answer, params.answer, place), params.answer, place)
        return read_text(extract(text), params.answer, place)

    if params.answer_is == "one":
        return ((read_one(value),),)
    listed = read_list(value, params.answer, place)
    if params.answer_is == "aliases":
        listed = [listed]
    gold = [answer if isinstance(answer, list) else [answer] for answer in listed]
    if not gold or not all(gold):
        raise InputError(f"{place}: {params.answer} names no answer; mend or remove the row")
    return join_readings([[tuple(dict.fromkeys(map(read_one, aliases))) for aliases in gold]], form)


def _write_number(value: object, column: str, place: str) -> object:
    """A number as text, a whole one without `.0`: a column of integers with holes is one of floats."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        raise InputError(f"{place}: {column} is {value}, which is no answer; mend or remove the row")
    return str(int(value)) if value == int(value) and abs(value) <= _LARGEST_WHOLE else str(value)
