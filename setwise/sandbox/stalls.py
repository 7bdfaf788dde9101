"""A program's wall clock, which stands still while the machine has no time for it.

The kernel counts, for each thread, how long it ran and how long it stood in line for a processor while it could run.
A program that slept or looped has had its time; one that was kept waiting has not, and running out says nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from setwise.sandbox.job import Limits, Status

PATIENCE = 10
"""So many times its wall limit a program may be there, if that is how slow the machine is."""
_LATE_SECONDS = 0.5
"""A watcher that wakes so much later than it asked to was kept waiting itself: the machine stood still."""
_SOONEST_SECONDS = 0.05


class Stopwatch:
    """Says when a program's time is up, and whose fault that is.

    Args:
        limits: the program's.
        processes: the ids of what the program and its checker run as; asked only when time seems to be up.
        grace: seconds that whoever watches the watcher waits longer.
    """

    def __init__(self, limits: Limits, processes: Callable[[], Iterable[int]], grace: float = 0.0) -> None:
        self._limits = limits
        self._processes = processes
        self._grace = grace
        self._started = time.monotonic()
        self._due = self._started + limits.wall_seconds + grace
        self._late = 0.0

    def left(self, most: float) -> float:
        """Seconds until time may be up, at most `most`."""
        return min(most, max(0.0, self._due - time.monotonic()))

    def note_wait(self, asked: float, took: float) -> None:
        """A wait of the watcher's: the seconds it asked for, and those it took."""
        if took - asked > _LATE_SECONDS:
            self._late += took - asked

    def verdict(self) -> Status | None:
        """`TIMED_OUT` or `STALLED` where time is up; None where it is not.

        Processes of a program that keep each other waiting have their time together: the processor limit holds for all
        of them then. Where the kernel does not count (no `/proc`), only a machine that stood still altogether is seen.
        """
        elapsed = time.monotonic() - self._started - self._grace
        if time.monotonic() < self._due:
            return None
        ran, waited = _counted(self._processes())
        own = elapsed - max(waited, self._late)
        if own >= self._limits.wall_seconds or ran >= self._limits.cpu_seconds:
            return Status.TIMED_OUT
        if elapsed >= PATIENCE * self._limits.wall_seconds:
            return Status.STALLED
        self._due = time.monotonic() + max(_SOONEST_SECONDS, self._limits.wall_seconds - own)
        return None


def _counted(processes: Iterable[int]) -> tuple[float, float]:
    """Seconds that all threads of these ran, and the longest that one of them stood in line."""
    ran, waited = 0.0, 0.0
    for process in processes:
        for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                on_processor, in_line, _ = thread.read_text().split()
            except (OSError, ValueError):
                continue  # it ended meanwhile
            ran += int(on_processor) / 1e9
            waited = max(waited, int(in_line) / 1e9)
    return ran, waited
