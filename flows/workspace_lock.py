"""One rebuild of a workspace at a time: the second waits, saying for whom, or is skipped."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

IfBusy = Literal["wait", "skip"]
POLL_SECONDS = 1.0


class WorkspaceBusyError(Exception):
    """Another rebuild holds the workspace and the caller did not want to wait."""


@contextlib.contextmanager
def held(workspace: Path, if_busy: IfBusy, log: Callable[[str], None]) -> Iterator[None]:
    """Hold the workspace alone for the length of the block. The lock is the kernel's: it ends with its holder.

    Raises WorkspaceBusyError when it is held by another process and ``if_busy`` is "skip".
    """
    folder = workspace / ".prefect"
    folder.mkdir(exist_ok=True)
    with (folder / "rebuild.lock").open("a+") as lock:
        waited = False
        while not _try(lock.fileno()):
            why = f"another rebuild of this workspace is running ({_holder(lock.name)})"
            if if_busy == "skip":
                raise WorkspaceBusyError(why)
            if not waited:
                log(f"waiting: {why}")
                waited = True
            time.sleep(POLL_SECONDS)
        lock.truncate(0)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        lock.write(json.dumps({"pid": os.getpid(), "started": started}))
        lock.flush()
        yield


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: str) -> str:
    try:
        who = json.loads(Path(path).read_text())
        return f"process {who['pid']}, since {who['started']}"
    except (json.JSONDecodeError, KeyError):  # it has taken the lock but not signed yet
        return "process unknown"
