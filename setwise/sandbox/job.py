"""What goes into the sandbox and what comes out: a program with its tests, the limits, and the verdict."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from setwise.errors import InputError


class Status(StrEnum):
    """How a program did on its tests."""

    PASSED = "passed"
    FAILED = "failed"
    """A test was false or raised; `Result.failed_test` says which."""
    TIMED_OUT = "timed_out"
    """It used up its processor time, or let its wall time pass while the machine would have run it."""
    STALLED = "stalled"
    """No verdict: its wall time passed while the machine had no time for it."""
    CRASHED = "crashed"
    """The program could not be loaded, left early, died, or went over a limit other than time."""
    REFUSED = "refused"
    """Nothing was judged: no isolation, a sandbox that was lost, or tests and set-up that cannot be run."""


class Isolation(StrEnum):
    """What stands between a program and this machine."""

    BUBBLEWRAP = "bubblewrap"
    """Fresh namespaces for every program, inside a wall built by `bwrap`."""
    NAMESPACES = "namespaces"
    """Fresh namespaces for every program, inside a wall built by system calls from Python."""
    NONE = "none"
    """A child process with resource limits. For programs you wrote yourself."""


@dataclass(frozen=True)
class Job:
    """A program and the tests that judge it.

    Attributes:
        program: Python source; never trusted.
        tests: Python sources, usually one `assert` each, run in order; trusted to be honest, not to be correct.
        setup: Python source run before the program. If it needs the program's names, it is run after it.
    """

    program: str
    tests: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True)
class Limits:
    """The most one program may use, with all processes it starts.

    Attributes:
        wall_seconds: from the program's start to its last test.
        cpu_seconds: processor time of one process.
        memory_bytes: address space of one process, and resident memory of all of them together.
        processes: processes and threads at one time.
        temporary_bytes: the size of its `/tmp`, the only place it can write to, which is gone after it.
        file_bytes: the size of one file.
        open_files: file descriptors of one process.
        output_bytes: what it may write to standard output and standard error; none of it is kept.
        reply_bytes: the size of one value that it hands to a test.
    """

    wall_seconds: float = 10.0
    cpu_seconds: int = 8
    memory_bytes: int = 512 << 20
    processes: int = 16
    temporary_bytes: int = 32 << 20
    file_bytes: int = 16 << 20
    open_files: int = 64
    output_bytes: int = 1 << 20
    reply_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        """Refuse a limit that is not positive: zero means "no limit" to some system calls and "nothing" to others."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise InputError(f"sandbox limit {field.name}={getattr(self, field.name)}: must be above 0")

    def to_json(self) -> str:
        """The limits as the worker process takes them on its command line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Result:
    """The verdict on one job.

    Attributes:
        status: see `Status`.
        detail: one or two lines for a person: the test and the value, the exception, the limit. Empty if passed.
        failed_test: index of the test that was false, raised, or was running when time ran out; None if there is none.
        seconds: wall time from the program's start to the verdict.
        isolation: what isolation it ran in.
    """

    status: Status
    detail: str = ""
    failed_test: int | None = None
    seconds: float = 0.0
    isolation: Isolation = Isolation.NONE

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.status is Status.PASSED
