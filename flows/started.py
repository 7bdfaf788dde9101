"""A process that ``make up`` started: found again, and ended with all it has started, by number and start time."""

from dataclasses import dataclass

import psutil

GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class Started:
    """A process that ``up`` started: the leader of a process group, told by number and start time (epoch seconds)."""

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


def stop_group(one: Started) -> None:
    """End a process that ``up`` started and its group: first asked, then killed."""
    process = one.process
    if process is None:
        return
    members = [process, *process.children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(members, timeout=GRACE_SECONDS)
    for member in alive:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)
