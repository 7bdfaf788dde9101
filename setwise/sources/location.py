"""Where rows come from, as a param says it: a path, or a dataset of the Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from setwise.errors import InputError

_ROOT_VARIABLE = re.compile(r"SETWISE_(\w+_)?DATA", re.ASCII)
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

    @property
    def is_local(self) -> bool:
        """Whether it names a folder and no dataset of the Hub."""
        return self.hub.startswith((".", "/", "~", "${")) or Path(self.hub).is_dir()


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
FileName = Annotated[str, "the name of a file"]
"""Another file that a param names."""


def data_roots() -> list[Path]:
    """Where data may lie: the current directory, and the folders that variables `SETWISE_…DATA` name."""
    named = [value for name, value in os.environ.items() if value and _ROOT_VARIABLE.fullmatch(name)]
    return [Path.cwd().resolve(), *(Path(value).expanduser().resolve() for value in named)]


def link_out_of(roots: Sequence[Path], place: Path) -> Path | None:
    """What leads out of `roots`: `place` itself, or a link in it if it is a folder; None where nothing does.

    A link in there to a file in DVC's cache, as DVC makes them, counts as inside: such a file's name is a digest of its
    content.
    """
    links = (path for path in place.rglob("*") if path.is_symlink()) if place.is_dir() else ()
    return next((path for path in (place, *links) if not _is_inside(path, roots)), None)


def _is_inside(path: Path, roots: Sequence[Path]) -> bool:
    target = path.resolve()
    if path.is_symlink() and target.parts[-4:-2] == ("files", "md5"):
        target = path.parent.resolve()
    return any(target.is_relative_to(root) for root in roots)


def require_inside(path: Path, key: str) -> None:
    """Refuse a path that leads out of `data_roots`, itself or by a link in it.

    Raises:
        InputError: it does; names the param `key` and the remedy.
    """
    if (outside := link_out_of(data_roots(), path)) is not None:
        raise InputError(
            f"{key}: {outside} lies outside the workspace; put the data under raw/, "
            "or export SETWISE_DATA=<the folder it lies in>"
        )


def expand_path(path: str, key: str) -> Path:
    """`path` with `${NAME}` taken from the environment; relative paths start at the current directory.

    Raises:
        InputError: a variable is unset, the path leads out of `data_roots`, or nothing is there; names the param `key`
            and the remedy.
    """
    for name in _VARIABLE.findall(path):
        if not os.environ.get(name):
            raise InputError(
                f"{key}: {path} needs the environment variable {name}, which is unset; "
                f"export {name}=<folder of the files>, or set {key} to another path"
            )
    found = Path(_VARIABLE.sub(lambda match: os.environ[match[1]], path)).expanduser()
    require_inside(found, key)
    if not found.exists():
        raise InputError(f"{key}: {found} is not there; put the file there, or set {key} to where it is")
    return found
