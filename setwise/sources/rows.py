"""Rows as they were read, and the checked reading of their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setwise.errors import InputError
from setwise.sources.literals import parse_nested

_NO_TEXT = re.compile("[\ud800-\udfff\0]")
"""Half of a pair, as JSON may spell it, which no file can hold; and NUL, at which other programs end a text."""


@dataclass(frozen=True)
class Rows:
    """The rows of one source in their order. `name` says where they are from, the same on every machine."""

    name: str
    rows: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, index: int) -> str:
        """How a message names the row at `index` (rows count from 1)."""
        return f"{self.name} row {index + 1}"

    def require(self, columns: Sequence[str], remedy: str) -> None:
        """Refuse a source without rows, or one whose rows lack a column.

        Raises:
            InputError: names the source, the first row without it, the column and the remedy.
        """
        if not self.rows:
            raise InputError(f"{self.name}: holds no rows; {remedy}")
        for index, row in enumerate(self.rows):
            for column in columns:
                if column not in row:
                    there = ", ".join(map(str, row))
                    raise InputError(f"{self.place(index)}: column {column!r} is missing (there: {there}); {remedy}")


def read_nested(value: object, column: str, place: str) -> Any:
    """A list or an object as it stands, or out of the JSON or Python literal that a CSV file holds it as.

    Raises:
        InputError: it is neither; names the row `place` and the column.
    """
    if isinstance(value, str):
        try:
            value = parse_nested(value)
        except ValueError as error:
            raise InputError(
                f"{place}: {column} {error}; write it as JSON, or save the rows as JSONL or Parquet"
            ) from error
    if not isinstance(value, list | dict):
        raise InputError(f"{place}: {column} is a {type(value).__name__}, not a list; mend or remove the row")
    return value


def read_list(value: object, column: str, place: str) -> list[Any]:
    """Like `read_nested`, and a list."""
    nested = read_nested(value, column, place)
    if not isinstance(nested, list):
        raise InputError(f"{place}: {column} is an object, not a list; mend or remove the row")
    return nested


def read_records(value: object, keys: Sequence[str], column: str, place: str) -> list[dict[str, Any]]:
    """Records in any of their nestings: objects, lists in the order of `keys`, or an object of equally long columns.

    The Hub turns a list of objects into an object of lists; a record lacking a key, or null there, has None.

    Raises:
        InputError: it is none of these; names the row `place` and the column.
    """
    nested = read_nested(value, column, place)
    if isinstance(nested, dict):
        columns = [values for key in keys if isinstance(values := nested.get(key), list)]
        if len(columns) != len(keys) or len({len(values) for values in columns}) != 1:
            raise InputError(
                f"{place}: {column} is no list and no columns {', '.join(keys)} of one length; mend the row"
            )
        nested = [list(record) for record in zip(*columns, strict=True)]
    records = []
    for record in nested:
        if isinstance(record, list) and len(record) == len(keys):
            records.append(dict(zip(keys, record, strict=True)))
        elif isinstance(record, dict):
            records.append({key: record.get(key) for key in keys})
        else:
            raise InputError(f"{place}: {column} holds {record!r:.60}, not {', '.join(keys)}; mend or remove the row")
    return records


def read_text(value: object, column: str, place: str) -> str:
    """A text that shows something, with line ends as newlines and none around it.

    Raises:
        InputError: it is no text, empty, or cannot be written as UTF-8; names the row `place` and the column.
    """
    if not isinstance(value, str):
        raise InputError(f"{place}: {column} is a {type(value).__name__}, not a text; mend or remove the row")
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise InputError(f"{place}: {column} is empty; mend or remove the row")
    if (broken := _NO_TEXT.search(text)) is not None:
        kind = "a NUL character" if broken[0] == "\0" else "half a character"
        raise InputError(f"{place}: {column} holds {kind} ({broken[0]!a}); mend or remove the row")
    return text
