"""The files from outside that the params name: where the domain's rows come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from setwise.errors import InputError
from setwise.params import Params
from setwise.sources import FileName, HubSource, expand_path


def data_files(params: Params) -> dict[str, str]:
    """Param key (`domain.train`) → the file or folder it names, as written there. Datasets of the Hub are left out."""
    named = {}
    for key, field in type(params.domain).model_fields.items():
        value = getattr(params.domain, key)
        if isinstance(value, HubSource):
            value = value.hub if value.is_local else None
        if isinstance(value, str) and _names_a_file([field.annotation, *field.metadata]):
            named[f"domain.{key}"] = value
    return named


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
    return (workspace / "data" / params.domain.name / "prepared.json").is_file()
