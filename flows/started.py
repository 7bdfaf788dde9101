"""A process that ``make up`` started: found again, and ended with all it has started, by number and start time."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.placement import WORKSPACE

GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class Started:
    """A process that ``up`` started: the leader of a session, told by number and start time (epoch seconds)."""

    name: str
    pid: int
    started: float

    @property
    def process(self) -> psutil.Process | None:
        """The live process, None if it has ended or its number now belongs to another."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def members(self, workspace: Path) -> list[psutil.Process]:
        """The process and all it has started that still runs; what outlived it is told by its session and workspace."""
        leader = self.process
        found = {leader, *leader.children(recursive=True)} if leader else set()
        for process in psutil.process_iter():
            try:
                ours = os.getsid(process.pid) == self.pid and process.environ().get(WORKSPACE) == str(workspace)
                if ours and process.create_time() > self.started - 1.0 and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
            except (psutil.Error, OSError):  # ended meanwhile, or another user's
                continue
        return list(found)


def stop_group(one: Started, workspace: Path) -> bool:
    """End a process that ``up`` started and all it has started: first asked, then killed. Whether anything ran."""
    members = one.members(workspace)
    for member in [one.process] if one.process else members:  # a leader ends its own
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(members, timeout=GRACE_SECONDS)
    for member in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)
    return bool(members)
