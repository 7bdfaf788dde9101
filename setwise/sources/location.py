"""Where rows come from, as a param says it: a path, or a dataset of the Hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from setwise.errors import InputError

_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)


class HubSource(BaseModel):
    """A dataset of the Hub, or a local folder in the Hub's format (then without a revision).

    Attributes:
        hub: the dataset's name (`owner/name`), or the path of a folder.
        revision: the commit to load, in full (tags and branches move). A dataset of the Hub needs it.
        config: the configuration's name, where the dataset has several.
        split: the split to read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    hub: str = Field(min_length=1)
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    config: str | None = None
    split: str = "train"


def _check_location(value: object) -> object:
    """One line for a location that is none, in place of one for each thing it could have been."""
    if isinstance(value, dict):
        try:
            return HubSource.model_validate(value)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors())
            raise ValueError(f"{faults}; a dataset of the Hub is {{hub, revision, config, split}}") from error
    if not isinstance(value, str | HubSource) or value == "":
        raise ValueError("give the path of a file, or {hub, revision, config, split} for a dataset of the Hub")
    return value


Location = Annotated[str | HubSource, BeforeValidator(_check_location)]
"""Where rows come from, as a param gives it."""


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
