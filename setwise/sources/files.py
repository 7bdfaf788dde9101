"""Files → rows: JSONL, JSON, CSV and Parquet, gzipped or not, or a zip of one of them."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from setwise.errors import InputError
from setwise.sources.literals import parse_json, repeated
from setwise.sources.location import expand_path
from setwise.sources.packed import unpack
from setwise.sources.rows import Rows

_FORMATS = ".jsonl, .json, .csv or .parquet, each also as .gz, or a .zip of one"
LONGEST_FIELD = 16 * 2**20
"""Characters of a CSV field; one that is longer has more likely lost its closing quote."""


def read_json(path: str, key: str) -> tuple[str, Any]:
    """The name and content of a JSON file (packed or not); `InputError` where it is missing or is no JSON."""
    found = expand_path(path, key)
    try:
        _, content = unpack(found.name, found.read_bytes())
        return found.name, parse_json(_decode(found.name, content))
    except InputError as error:
        raise InputError(f"{key}: {error}") from error
    except OSError as error:
        raise InputError(f"{key}: {found} cannot be read ({error}); check the file") from error
    except ValueError as error:
        raise InputError(f"{key}: {found}: {error}; fetch the file again") from error


def decode_file(name: str, content: bytes) -> Rows:
    """Rows of the file called `name` (its base name): unpacks, then reads by the suffix that is left.

    Raises:
        InputError: it can't be read; names the file, the row where it is one, and the remedy.
    """
    inner, content = unpack(name, content)
    suffix = PurePosixPath(inner).suffix.lower()
    if suffix == ".parquet":
        return Rows(name, _read_parquet(name, content))
    reader = {".jsonl": _read_jsonl, ".json": _read_json_rows, ".csv": _read_csv}.get(suffix)
    if reader is None:
        raise InputError(f"{name}: unknown format {suffix or 'without suffix'}; use {_FORMATS}")
    return Rows(name, reader(name, _decode(name, content)))


def _decode(name: str, content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 where its first bytes say so."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind, line = "UTF-16" if marked else "UTF-8", content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name}: not {kind} text (byte {error.start}, in line {line}); save the file as UTF-8"
        ) from error
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise InputError(f"{name}: not UTF-8 text (a NUL character in line {line}); save the file as UTF-8")
    return text


def _read_jsonl(name: str, text: str) -> list[Mapping[str, Any]]:
    lines = (line for line in io.StringIO(text, newline=None) if line.strip())
    rows = []
    for index, line in enumerate(lines):
        try:
            row = parse_json(line)
        except ValueError as error:
            raise InputError(f"{name} row {index + 1}: {error}; mend or remove the row") from error
        rows.append(_as_object(name, index, row))
    return rows


def _read_json_rows(name: str, text: str) -> list[Mapping[str, Any]]:
    try:
        document = parse_json(text)
    except ValueError as error:
        raise InputError(f"{name}: {error}; mend or fetch the file again, or name it .jsonl") from error
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = document["data"]
    if not isinstance(document, list):
        raise InputError(f"{name}: holds no list of rows; use a JSON list, {{'data': [rows]}}, or JSONL")
    return [_as_object(name, index, row) for index, row in enumerate(document)]


def _as_object(name: str, index: int, row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{name} row {index + 1}: a {type(row).__name__}, not an object; mend or remove the row")
    return row


def _read_csv(name: str, text: str) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Mapping[str, Any]] = []
    with _long_fields():
        try:
            _refuse_repeated(name, reader.fieldnames or ())
            for row in reader:
                if None in row or None in row.values():
                    fault = "more" if None in row else "fewer"
                    raise InputError(f"{name} row {len(rows) + 1}: {fault} values than columns; mend or remove the row")
                rows.append(row)
        except csv.Error as error:
            remedy = "mend its quotes, or save the rows as JSONL or Parquet"
            raise InputError(f"{name} row {len(rows) + 1}: not CSV ({error}); {remedy}") from error
    return rows


@contextmanager
def _long_fields() -> Iterator[None]:
    """`csv` takes fields of up to `LONGEST_FIELD`; its own limit, of 131,072, holds for the whole process."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _refuse_repeated(name: str, columns: Any) -> None:
    if column := repeated([column for column in columns if column]):
        raise InputError(f"{name}: column {column!r} stands twice; rename or remove one of them")


def _read_parquet(name: str, content: bytes) -> list[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            _refuse_repeated(name, file.schema_arrow.names)
            rows: list[Mapping[str, Any]] = file.read().to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{name}: not a readable Parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error
    return rows
