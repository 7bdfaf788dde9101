"""The files from outside that the params name: where the domain's rows come from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from setwise.digests import file_digest
from setwise.errors import InputError
from setwise.params import Params
from setwise.sources import FileName, HubSource, expand_path


def data_files(params: Params) -> dict[str, str]:
    """Param key (`domain.train`) → the file or folder it names, as written there. Datasets of the Hub are left out."""
    named = {}
    for key, value in _locations(params).items():
        if isinstance(value, str):
            named[key] = value
        elif value.is_local:
            named[key] = value.hub
    return named


def reads_under(params: Params, folder: Path) -> bool:
    """Whether the params name a file or folder in `folder`, or this itself; both relative to the workspace.

    Nothing needs to be there: a folder in the Hub's format that is yet to come looks like a dataset of the Hub.
    """
    named = (value.hub if isinstance(value, HubSource) else value for value in _locations(params).values())
    return any(Path(os.path.normpath(path)).is_relative_to(folder) for path in named)


def _locations(params: Params) -> dict[str, str | HubSource]:
    """Param key → the file, folder or dataset of the Hub that it names."""
    return {
        f"domain.{key}": value
        for key, field in type(params.domain).model_fields.items()
        if isinstance(value := getattr(params.domain, key), str | HubSource)
        and _names_a_file([field.annotation, *field.metadata])
    }


def _names_a_file(annotations: list[Any]) -> bool:
    """Whether a field of this type holds a `Location` or a `FileName`."""
    found = set(_parts(annotations))
    return HubSource in found or bool(found & set(get_args(FileName)[1:]))


def _parts(annotations: Any) -> Iterator[Any]:
    for annotation in annotations:
        yield annotation
        yield from _parts(get_args(annotation))


def missing_data(params: Params) -> str | None:
    """What is wrong with the data that the params name, in one line; None where all of it is there."""
    problems = []
    for key, path in data_files(params).items():
        try:
            expand_path(path, key)
        except InputError as error:
            problems.append(str(error))
    return "; ".join(problems) or None


def is_prepared(params: Params, workspace: Path = Path()) -> bool:
    """Whether there are prepared splits of the domain, which do not need the data again."""
    return (workspace / prepared_file(params)).is_file()


def prepared_file(params: Params) -> Path:
    """Where the stage `prepare` notes what it made, and from which files; relative to the workspace."""
    return Path("data") / params.domain.name / "prepared.json"


def input_digests(params: Params) -> dict[str, dict[str, str]]:
    """Param key → its path as written and the sha256 of what is there; of a folder, of its files' names and digests.

    Files that are not there are left out.
    """
    digests = {}
    for key, path in data_files(params).items():
        try:
            digests[key] = {"path": path, "sha256": _digest(expand_path(path, key))}
        except InputError:
            continue
    return digests


def _digest(path: Path) -> str:
    if path.is_file():
        return file_digest(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = [(file.relative_to(path).as_posix(), file_digest(file)) for file in files]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def digests_read(prepared: Path) -> dict[str, dict[str, str]]:
    """Param key → path and sha256 of the files that `prepared` (a `prepared.json`) was made from; empty without it."""
    if not prepared.is_file():
        return {}
    read: dict[str, dict[str, str]] = json.loads(prepared.read_text(encoding="utf-8")).get("inputs", {})
    return read


def replaced_data(now: dict[str, dict[str, str]], prepared: Path) -> list[str]:
    """The keys of files that are others by `now` (see `input_digests`) than those that `prepared` was made from.

    A key that names another path by now is none of them: DVC sees that itself.
    """
    read = digests_read(prepared)
    return [key for key in now if key in read and now[key] != read[key] and now[key]["path"] == read[key]["path"]]
