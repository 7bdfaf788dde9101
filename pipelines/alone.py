"""One stage in a working folder at a time: a lock that ends with its holder, and none that outlives its starter."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from pipelines.stage import StageFailure
from setwise.training.processes import LAUNCHED

_MARKS = ("DVC_STAGE", LAUNCHED)
"""Variables that whoever starts a stage for itself sets: DVC, and the stage that launches several processes."""
_LOOK_EVERY_S = 0.5


@contextmanager
def alone_in(workdir: Path, patience_s: float = 30.0, doing: str = "trains") -> Iterator[None]:
    """Hold the working folder; a stage whose starter was killed is given `patience_s` to end.

    Raises:
        StageFailure: another process still trains there, or whatever it is `doing`.
    """
    path = workdir.with_name(f".{workdir.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience_s
    with path.open("a+", encoding="utf-8") as file:
        while not _take(file):
            if time.monotonic() >= end:
                file.seek(0)
                raise StageFailure(
                    f"{workdir}: process {file.read()} {doing} there; wait until it has ended, or end it"
                )
            time.sleep(_LOOK_EVERY_S)
        file.truncate(0)
        file.write(f"{os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _take(file: IO[str]) -> bool:
    """Lock the file for this process, not for those it forks, which may outlive it; False where another holds it."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def end_with_starter() -> None:
    """End this process as soon as the DVC or the launching stage that it works for has been killed.

    It would work on beside the one that the next `dvc repro` starts. Where neither has started it nothing is watched.
    """
    if any(mark in os.environ for mark in _MARKS):
        threading.Thread(target=_watch, args=(_line(psutil.Process()),), daemon=True).start()


def _watch(line: list[tuple[psutil.Process, int]]) -> None:
    while all(_parent(process) == parent for process, parent in line):
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _line(process: psutil.Process) -> list[tuple[psutil.Process, int]]:
    """This process and those between it and its starter (a shell, accelerate), each with its parent's number.

    What the starter started has the mark in its environment, the starter itself has not.
    """
    line = [(process, process.ppid())]
    for elder in process.parents():
        try:
            if not any(mark in elder.environ() for mark in _MARKS):
                break
            line.append((elder, elder.ppid()))
        except psutil.Error:  # another user's, or ended meanwhile
            break
    return line


def _parent(process: psutil.Process) -> int | None:
    """The number of the process's parent, which is another one once the parent has been killed; None: it has ended."""
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return None
