"""Rows of a dataset from a local file, or from the Hub by name and pinned revision; every failure is one line.

A location is a path (JSONL, JSON, CSV or Parquet, gzipped or not, or a zip of one of them) or a `HubSource`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from setwise.errors import InputError

_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)
_FORMATS = ".jsonl, .json, .csv or .parquet, each also as .gz, or a .zip of one"


class HubSource(BaseModel):
    """A dataset of the Hub, or a local folder in the Hub's format (then without a revision).

    Attributes:
        hub: the dataset's name (`owner/name`), or the path of a folder.
        revision: the commit hash or tag to load. A dataset of the Hub needs it, so that a rebuild reads the same rows.
        config: the configuration's name, where the dataset has several.
        split: the split to read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    hub: str = Field(min_length=1)
    revision: str | None = None
    config: str | None = None
    split: str = "train"


Location = str | HubSource
"""Where rows come from, as a param gives it."""


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


def expand_path(path: str, key: str) -> Path:
    """`path` with `${NAME}` taken from the environment; relative paths start at the current directory.

    Raises:
        InputError: a variable is unset or nothing is at the path; names the param `key` and the remedy.
    """
    for name in _VARIABLE.findall(path):
        if not os.environ.get(name):
            raise InputError(
                f"{key}: {path} needs the environment variable {name}, which is unset; "
                f"export {name}=<folder of the files>, or set {key} to another path"
            )
    found = Path(_VARIABLE.sub(lambda match: os.environ[match[1]], path)).expanduser()
    if not found.exists():
        raise InputError(f"{key}: {found} is not there; put the file there, or set {key} to where it is")
    return found


def read_rows(location: Location, key: str) -> Rows:
    """All rows of `location`, the value of the param `key`.

    Raises:
        InputError: the file or dataset cannot be had, is of an unknown format, or a row cannot be read.
    """
    if isinstance(location, HubSource):
        return _read_hub(location, key)
    path = expand_path(location, key)
    if path.is_dir():
        raise InputError(f"{key}: {path} is a folder; name a file, or give {{hub: {location}, split: …}} for a dataset")
    try:
        return _decode(path.name, path.read_bytes())
    except OSError as error:
        raise InputError(f"{key}: {path} cannot be read ({error.strerror or error}); check the file") from error


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


def _decode(name: str, content: bytes) -> Rows:
    """Rows of the file called `name` (its base name): unpacks, then reads by the suffix that is left."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".gz":
        try:
            inner = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name}: not a complete gzip file ({error}); fetch the file again") from error
        return Rows(name, _decode(PurePosixPath(name).stem, inner).rows)
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
    return _decode(member if PurePosixPath(member).suffix else member + ".csv", inner)


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
        raise InputError(f"{name}: not a readable Parquet file ({_first_line(error)}); fetch it again") from error
    return rows


def _read_hub(source: HubSource, key: str) -> Rows:
    """Rows of a Hub dataset through `datasets`, from the network or its cache; or of a local folder."""
    local = source.hub.startswith((".", "/", "~", "${")) or Path(source.hub).is_dir()
    if not local and source.revision is None:
        raise InputError(
            f"{key}: {source.hub} has no revision; set {key}.revision to a commit of the dataset, "
            "so that a rebuild reads the same rows"
        )
    path = str(expand_path(source.hub, key)) if local else source.hub

    import datasets
    from datasets.exceptions import DatasetsError

    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(
            path, source.config, split=source.split, revision=None if local else source.revision
        )
    except (DatasetsError, OSError, ValueError, RuntimeError, TypeError) as error:
        kind = "folder" if local else "Hub dataset"
        remedy = (
            f"check config ({source.config}), split ({source.split}) and the files in it"
            if local
            else "check its name, revision, config and split, log in with `hf auth login` if it is gated, "
            f"or without a network set {key} to a local file of its rows"
        )
        raise InputError(f"{key}: {kind} {source.hub} cannot be had ({_first_line(error)}); {remedy}") from error
    label = PurePosixPath(path).name if local else f"{source.hub}@{source.revision}"
    return Rows(f"{label}/{source.split}", list(loaded))


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".;:")
