"""A location → its rows, from a file or through `datasets`."""

from __future__ import annotations

from pathlib import PurePosixPath

from setwise.errors import InputError
from setwise.sources.files import decode_file
from setwise.sources.location import HubSource, Location, expand_path
from setwise.sources.rows import Rows


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
