"""Where tracking writes: the address without the password in it, and whether a local store can be written."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from setwise.errors import InputError

SQLITE = "sqlite:///"
_MISREAD = {
    "?": "where the address of an SQLite database ends",
    "{": "which DVC takes for a placeholder",
    "}": "which DVC takes for a placeholder",
}
"""Characters of a path that other programs misread, with nothing to write in their place."""


def require_usable(folder: Path) -> None:
    """Refuse a folder whose path MLflow, Prefect or DVC misread: a database would come to be elsewhere, or nothing.

    Raises:
        InputError: names the path, the character and the remedy.
    """
    path = str(folder.resolve())
    if found := next((character for character in path if character in _MISREAD), None):
        raise InputError(
            f"{path}: this path holds {found!r}, {_MISREAD[found]}; move to a folder without {', '.join(_MISREAD)}"
        )


def database_address(workspace: Path) -> str:
    """The address of the workspace's MLflow database, good from any working directory.

    Raises:
        InputError: the workspace lies where no such address can lead.
    """
    require_usable(workspace)
    return f"{SQLITE}{workspace.resolve() / 'mlruns' / 'mlflow.db'}"


def given_address() -> str | None:
    """`MLFLOW_TRACKING_URI`, None where it is unset.

    User and password in an http address move to the variables that MLflow sends them from: MLflow writes the address
    itself into its messages.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    parts = urlsplit(given or "")
    if not given or not parts.scheme.startswith("http") or "@" not in parts.netloc:
        return given or None
    who, _, host = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
    os.environ["MLFLOW_TRACKING_URI"] = urlunsplit(parts._replace(netloc=host))
    return os.environ["MLFLOW_TRACKING_URI"]


def not_writable(uri: str) -> Path | None:
    """The folder or file of a local store that this user, or its file system, lets nobody write; None if there is none.

    A database needs its folder writable too, for its journal.
    """
    if not uri.startswith(SQLITE):
        return None
    database = Path(uri.removeprefix(SQLITE))
    parts = (database.parent, database.parent / "artifacts", database)
    return next((part for part in parts if part.exists() and not os.access(part, os.W_OK)), None)


def shown(path: Path) -> str:
    """The path as a user of this workspace writes it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def home_of(workspace: Path) -> Path:
    """The workspace whose store is written to: for a temporary copy that `dvc exp run` works in, the original."""
    parts = workspace.resolve().parts
    for at in range(len(parts) - 2):
        if parts[at : at + 3] == (".dvc", "tmp", "exps"):
            return Path(*parts[:at])
    return workspace
