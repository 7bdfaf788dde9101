"""Files → rows: JSONL, JSON, CSV and Parquet, gzipped or not, or a zip of one of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from setwise.errors import InputError
from setwise.sources.location import expand_path
from setwise.sources.rows import Rows

_FORMATS = ".jsonl, .json, .csv or .parquet, each also as .gz, or a .zip of one"


def read_json(path: str, key: str) -> tuple[str, Any]:
    """The name and content of a JSON file (gzipped or not); `InputError` where it is missing or is no JSON."""
    found = expand_path(path, key)
    try:
        content = found.read_bytes()
        return found.name, json.loads(gzip.decompress(content) if found.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{key}: {found} cannot be read ({error}); check the file") from error
    except ValueError as error:
        raise InputError(f"{key}: {found} is not JSON ({error}); fetch the file again") from error


def decode_file(name: str, content: bytes) -> Rows:
    """Rows of the file called `name` (its base name): unpacks, then reads by the suffix that is left."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".gz":
        try:
            inner = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name}: not a complete gzip file ({error}); fetch the file again") from error
        return Rows(name, decode_file(PurePosixPath(name).stem, inner).rows)
    if suffix == ".zip":
        return Rows(name, _decode_zip(name, content).rows)
    reader = {".jsonl": _read_jsonl, ".json": _read_json_rows, ".csv": _read_csv, ".parquet": _read_parquet}.get(suffix)
    if reader is None:
        raise InputError(f"{name}: unknown format {suffix or 'without suffix'}; use {_FORMATS}")
    try:
        return Rows(name, reader(name, content))
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from error


def _decode_zip(name: str, content: bytes) -> Rows:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX/")]
            if len(members) != 1:
                raise InputError(f"{name}: holds {len(members)} files; zip the one file that holds the rows")
            inner = archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{name}: not a complete zip file ({error}); fetch the file again") from error
    member = PurePosixPath(members[0]).name
    # DDXPlus ships its CSV under a member name without a suffix.
    return decode_file(member if PurePosixPath(member).suffix else member + ".csv", inner)


def _read_jsonl(name: str, content: bytes) -> list[Mapping[str, Any]]:
    lines = [line for line in content.decode("utf-8-sig").split("\n") if line.strip()]
    rows = []
    for index, line in enumerate(lines):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{name} row {index + 1}: not JSON ({error}); mend or remove the row") from error
        rows.append(_as_object(name, index, row))
    return rows


def _read_json_rows(name: str, content: bytes) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise InputError(f"{name}: not JSON ({error}); fetch the file again, or name it .jsonl") from error
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = document["data"]
    if not isinstance(document, list):
        raise InputError(f"{name}: holds no list of rows; use a JSON list, {{'data': [rows]}}, or JSONL")
    return [_as_object(name, index, row) for index, row in enumerate(document)]


def _as_object(name: str, index: int, row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{name} row {index + 1}: a {type(row).__name__}, not an object; mend or remove the row")
    return row


def _read_csv(name: str, content: bytes) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    rows: list[Mapping[str, Any]] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                fault = "more" if None in row else "fewer"
                raise InputError(f"{name} row {len(rows) + 1}: {fault} values than columns; mend or remove the row")
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{name} row {len(rows) + 1}: not CSV ({error}); mend or remove the row") from error
    return rows


def _read_parquet(name: str, content: bytes) -> list[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Mapping[str, Any]] = pq.read_table(pa.BufferReader(content)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{name}: not a readable Parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error
    return rows
