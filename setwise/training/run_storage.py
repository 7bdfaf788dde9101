"""A training's folder on the storage that every machine reaches: what goes to the cluster, and what comes back.

    inputs/    the warm start and the questions; whole once `inputs/whole.json` is there
    curve.jsonl    the curve up to the last checkpoint
    finished/  the best weights and the curve; whole once `finished/trained.json` is there
    failure.json   why training ended for a reason that no new start mends

Beside these Ray Train keeps its checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setwise.errors import InputError
from setwise.redact import redact

INPUTS_WHOLE = "inputs/whole.json"
CURVE = "curve.jsonl"
FINISHED = "finished"
TRAINED = "trained.json"
FAILURE = "failure.json"


class StorageError(InputError):
    """The storage can't be reached, or refuses what is asked of it."""


class RunStorage:
    """`<storage>/<name>`; all names below are relative to it.

    Raises, in every method:
        StorageError: names the storage, the reason and the remedy.
    """

    def __init__(self, storage: str, name: str) -> None:
        from pyarrow.fs import FileSystem, SubTreeFileSystem

        self.storage = storage
        with self._said_in_one_line():
            filesystem, root = FileSystem.from_uri(storage)
            self.files = SubTreeFileSystem(f"{root}/{name}", filesystem)

    @contextmanager
    def _said_in_one_line(self) -> Iterator[None]:
        from pyarrow.lib import ArrowException

        try:
            yield
        except (OSError, ArrowException) as error:
            reason = " ".join(str(error).split())
            raise StorageError(
                f"scale.cluster.storage: {redact(self.storage)}: {redact(reason):.300}; make it reachable and writable "
                "for this machine and the cluster's, then run again"
            ) from error

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        from pyarrow.fs import FileType

        with self._said_in_one_line():
            return bool(self.files.get_file_info(name).type == FileType.File)

    def read(self, name: str) -> str | None:
        """The text of a file; None where there is none."""
        if not self.has(name):
            return None
        with self._said_in_one_line(), self.files.open_input_file(name) as file:
            return bytes(file.read()).decode("utf-8")

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file."""
        with self._said_in_one_line():
            self.files.create_dir(str(Path(name).parent), recursive=True)
            with self.files.open_output_stream(name) as file:
                file.write(json.dumps(content).encode())

    def upload(self, path: Path, name: str) -> None:
        """Copy a file or a folder of this machine there."""
        from pyarrow.fs import LocalFileSystem, copy_files

        with self._said_in_one_line():
            self.files.create_dir(name if path.is_dir() else str(Path(name).parent), recursive=True)
            copy_files(
                str(path.resolve()), name, source_filesystem=LocalFileSystem(), destination_filesystem=self.files
            )

    def download(self, name: str, path: Path) -> None:
        """Copy a folder from there to this machine."""
        from pyarrow.fs import LocalFileSystem, copy_files

        with self._said_in_one_line():
            path.mkdir(parents=True, exist_ok=True)
            copy_files(
                name, str(path.resolve()), source_filesystem=self.files, destination_filesystem=LocalFileSystem()
            )

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._said_in_one_line():
            self.files.delete_file(name)

    def drop(self) -> None:
        """Remove all of this training, checkpoints too."""
        with self._said_in_one_line():
            self.files.base_fs.delete_dir(self.files.base_path)
