"""Whether a program that ran out of time had the machine: one that slept or looped did, one that was kept waiting not.

The kernel counts, for each thread, how long it ran and how long it stood in line for a processor while it could run.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from setwise.sandbox.job import Limits

_WAITED = 0.25
"""Share of the wall limit that a program must have stood in line for the machine to be at fault."""
_HAD_ITS_TIME = 0.75
"""Share of the time it may have, by the clock or the processor, that leaves nothing to complain of."""
_LATE_SECONDS = 0.5
"""A watcher that wakes so much later than it asked to was kept waiting itself: the machine stood still."""


class Watch:
    """Adds up how long its owner, who waits most of the time, was woken too late."""

    def __init__(self) -> None:
        self.late = 0.0

    def note(self, asked: float, took: float) -> None:
        """One wait: the seconds asked for, and those it took."""
        if took - asked > _LATE_SECONDS:
            self.late += took - asked


def had_no_time(processes: Iterable[int], limits: Limits, late: float) -> bool:
    """Whether the machine kept `processes` from running for so long that their time limit says nothing about them.

    Processes that keep each other waiting have their time together. Where the kernel does not count (no `/proc`), only
    `late` says that the machine stood still.

    Args:
        processes: ids of what the program and its checker run as.
        limits: theirs.
        late: seconds by which whoever watches them was woken too late.
    """
    ran, waited = 0.0, 0.0
    for process in processes:
        for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                on_processor, in_line, _ = thread.read_text().split()
            except (OSError, ValueError):
                continue  # it ended meanwhile
            ran += int(on_processor) / 1e9
            waited = max(waited, int(in_line) / 1e9)
    if ran >= _HAD_ITS_TIME * min(limits.cpu_seconds, limits.wall_seconds):
        return False
    return max(waited, late) > _WAITED * limits.wall_seconds
