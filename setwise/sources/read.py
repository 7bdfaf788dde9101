"""A location → its rows, from a file or through `datasets`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from setwise.errors import InputError
from setwise.sources.files import decode_file
from setwise.sources.location import HubSource, Location, expand_path, require_inside
from setwise.sources.rows import Rows

_PATTERN = re.compile(r"[*?\[]|::")
"""What `datasets` takes for a pattern or a chain of addresses, even in a path that is there."""


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
        return decode_file(path.name, path.read_bytes())
    except OSError as error:
        raise InputError(f"{key}: {path} cannot be read ({error.strerror or error}); check the file") from error


def _read_hub(source: HubSource, key: str) -> Rows:
    """Rows of a Hub dataset through `datasets`, from the network or its cache; or of a local folder."""
    local = source.is_local
    if not local and source.revision is None:
        raise InputError(
            f"{key}: {source.hub} is no folder here, and as a dataset of the Hub it has no revision; "
            f"set {key}.revision to the full hash of a commit of it, so that a rebuild reads the same rows"
        )
    path = str(expand_path(source.hub, key)) if local else source.hub

    import datasets
    from datasets.exceptions import DatasetsError

    if local:
        _refuse_patterns(Path(path), key)
        _refuse_addresses(Path(path), key)
    try:
        builder = datasets.load_dataset_builder(path, source.config, revision=None if local else source.revision)
        _check_data_files(builder.config.data_files or {}, local, key)
        builder.download_and_prepare()
        loaded = builder.as_dataset(split=source.split)
    except InputError:
        raise
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


def _refuse_patterns(folder: Path, key: str) -> None:
    if found := _PATTERN.search(str(folder.resolve())):
        raise InputError(
            f"{key}: {folder.resolve()} has {found[0]!r} in its path, which `datasets` takes for a pattern; "
            f"move it, or set {key} to a file in it"
        )


def _refuse_addresses(folder: Path, key: str) -> None:
    """Refuse a folder whose card names files by an address: `datasets` asks for those as soon as it reads the card."""
    for file in ("README.md", ".huggingface.yaml"):
        try:
            text = (folder / file).read_text(encoding="utf-8") if (folder / file).is_file() else ""
            head = text.split("---", 2)[1:2] if file == "README.md" and text.startswith("---") else [text]
            configs = [(yaml.safe_load(part) or {}).get("configs") for part in head]
        except (yaml.YAMLError, AttributeError):
            continue  # no front matter; `datasets` says so where it needs one
        except (ValueError, RecursionError) as error:  # no UTF-8, a value that is none of its form, or too deep
            raise InputError(f"{key}: {folder / file} cannot be read ({_first_line(error)}); mend the file") from error
        if found := [text for text in _texts(configs) if "://" in text or "::" in text]:
            raise InputError(
                f"{key}: {folder / file} takes rows from {found[0]}; fetch that file, and name it by its path there"
            )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _check_data_files(data_files: Mapping[Any, Sequence[str]], local: bool, key: str) -> None:
    """Refuse files that a dataset's card names outside the workspace, or for a dataset of the Hub, on this machine."""
    for file in (str(file) for files in data_files.values() for file in files):
        if local:
            require_inside(Path(file), key)
        elif not file.startswith("hf://"):
            raise InputError(f"{key}: the dataset's card takes rows from {file}, not from the Hub; use another dataset")


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".;:")
