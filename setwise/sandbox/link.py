"""The checker's link to the program's process: requests go out, plain data and stand-ins come back."""

from __future__ import annotations

import builtins
import collections
import itertools
import marshal
import os
import select
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from setwise.sandbox import channel, plain
from setwise.sandbox.job import Limits, Status
from setwise.sandbox.stalls import Stopwatch
from setwise.sandbox.stand_in import StandIn, drive, exception, generate, stand_in, valued

_TICK_SECONDS = 0.05
"""How often the memory of a program that has been asked something is looked at."""
FROM_PROGRAM = "from the program"
"""An attribute of every exception that came from there."""
_MOST_ITEMS = 100_000
"""The longest iterator that a test can hand over; it goes as the list of its items."""


class CannotSendError(TypeError):
    """A test hands the program a value that has no form over there: nothing is judged."""


class EndedError(BaseException):
    """The program is at an end. Not an `Exception`, so that a test's `except Exception` does not hide it."""


@dataclass(frozen=True)
class Verdict:
    """What the checker says of one job."""

    status: Status
    detail: str = ""
    failed_test: int | None = None


class Link:
    """The checker's end of the channel to the program.

    Args:
        descriptor: of the channel.
        pid: the program's process.
        limits: the program's.
        processes: the ids of all that count against them; without a PID namespace, not all that are there.
    """

    def __init__(
        self, descriptor: int, pid: int, limits: Limits, processes: Callable[[], Iterable[int]] | None = None
    ) -> None:
        self._descriptor = descriptor
        self._pid = pid
        self._limits = limits
        self._looked = time.monotonic()
        self._streams = _streams()
        self._processes = processes or _processes
        self._stopwatch = Stopwatch(limits, self._processes)
        self.fault: Verdict | None = None
        self.last: Any = None
        """The last value that the program handed over, for the detail of a failed test."""
        self._known: dict[int, Any] = {}
        """What stands here for an object of the program's, by its number: the same for the same object."""
        self._numbers: dict[int, int] = {}
        """Of coroutines and generators of ours that stand for the program's, by id."""

    def ask(self, operation: str, /, *args: Any, **kwargs: Any) -> Any:
        """Have the program's process do `operation`; exceptions raised there are raised here."""
        if any(now is not before for now, before in zip(_streams(), self._streams, strict=True)):
            self.refuse(
                "a test replaces sys.stdin, sys.stdout, input or print, which are others in the program's process"
            )
        try:
            with plain.deep():
                encoded = [plain.encode(args, self._test_value), plain.encode(kwargs, self._test_value)]
        except (CannotSendError, RecursionError) as error:
            self.refuse(str(error))
        reply = self.exchange([operation, *encoded])
        if "args" in reply:
            changed, named = self._decode(reply["args"])
            for mine, theirs in zip((*args, *kwargs.values()), (*changed, *named.values()), strict=True):
                _replace_contents(mine, theirs)
        self.last = self._decode(reply["value"])
        return self.last

    def refuse(self, detail: str) -> NoReturn:
        """End the job without a verdict: this test can't be put to this program."""
        self._end(Status.REFUSED, detail)

    def load(self, setup: str, program: str) -> None:
        """Run the program's module."""
        self.exchange(["load", setup, program])

    def names(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The program's values of those `names` that it defines."""
        found = self._decode(self.exchange(["names", names])["value"])
        if not isinstance(found, dict):
            self._end(Status.CRASHED, "sent something that is no value")
        return {name: value for name, value in found.items() if name in names}

    def exchange(self, request: list[Any]) -> dict[str, Any]:
        """Send a request and return the reply; a reply that is an exception is raised."""
        if self.fault:
            raise EndedError
        try:
            channel.send(self._descriptor, request)
            reply = channel.receive(self._descriptor, self._limits.reply_bytes, self._wait)
        except (EOFError, ConnectionError):
            self._end(*self._cause_of_death())
        except channel.TooLongError as error:
            self._end(Status.CRASHED, f"returned {error}, more than reply_bytes")
        except (ValueError, RecursionError) as error:
            self._end(Status.CRASHED, f"sent something that is no value: {type(error).__name__}")
        if not isinstance(reply, dict) or not reply.keys() & {"value", "error", "exit"}:
            self._end(Status.CRASHED, "sent something that is no value")
        if "exit" in reply:
            self._end(Status.CRASHED, f"left with exit code {reply['exit']} before its tests were done")
        if "error" in reply:
            raise self._read_exception(reply["error"])
        return reply

    def _read_exception(self, error: Any) -> Exception:
        try:
            raised = exception(self, error, self._decode)
            vars(raised)[FROM_PROGRAM] = True
            return raised
        except (ValueError, TypeError, RecursionError, AttributeError) as problem:
            self._end(Status.CRASHED, f"sent something that is no exception: {type(problem).__name__}")

    def _decode(self, data: plain.Json) -> Any:
        try:
            with plain.deep():
                return plain.decode(data, self._stand_in)
        except (ValueError, TypeError, RecursionError, ArithmeticError, LookupError) as error:
            self._end(Status.CRASHED, f"sent something that is no value: {type(error).__name__}")

    def _stand_in(self, data: list[Any]) -> Any:
        if data[0] == "class" and isinstance(kind := getattr(builtins, data[1]), type):
            return kind
        if data[0] == "subclass":
            return valued(*data[1:])
        tag, number, kind, able, has_equality = data
        if number in self._known:
            return self._known[number]
        if not isinstance(number, int) or tag not in ("object", "coroutine", "generator"):
            raise ValueError("unknown tag")
        remote = stand_in(self, number, str(kind), [str(name) for name in able], bool(has_equality))
        found: Any = remote
        if tag != "object":
            found = (drive if tag == "coroutine" else generate)(self, remote)
            self._numbers[id(found)] = number
        self._known[number] = found
        return found

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while True:
            if late := self._stopwatch.verdict():
                self._end(late, f"over {self._limits.wall_seconds:g} s")
            began, patience = time.monotonic(), self._stopwatch.left(_TICK_SECONDS)
            ready = poll.poll(1000 * patience)
            self._stopwatch.note_wait(patience, time.monotonic() - began)
            self._look_at_memory()  # also while it answers: bit by bit, an answer can take as long as it likes
            if ready:
                return

    def _look_at_memory(self) -> None:
        if time.monotonic() < self._looked + _TICK_SECONDS:
            return
        if _resident_bytes(self._processes()) > self._limits.memory_bytes:
            self._end(Status.CRASHED, "its processes together used more than memory_bytes")
        self._looked = time.monotonic()

    def _cause_of_death(self) -> tuple[Status, str]:
        with open(os.pidfd_open(self._pid)) as process:  # noqa: PTH123 - a descriptor, not a path
            if not select.select([process], [], [], 1.0)[0]:
                return Status.CRASHED, "closed its channel"
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        if code == -signal.SIGXCPU:
            return Status.TIMED_OUT, f"over {self._limits.cpu_seconds} s of processor time"
        if code < 0:
            return Status.CRASHED, f"killed by {signal.Signals(-code).name}"
        return Status.CRASHED, f"left with exit code {code} before its tests were done"

    def _test_value(self, value: Any) -> plain.Json:
        """How a test's own value that is not plain data goes to the program's process."""
        value = value.stand_in if isinstance(value, plain.Kept) else value
        if isinstance(value, StandIn):
            return ["object", value._number]
        if id(value) in self._numbers:
            return ["object", self._numbers[id(value)]]
        return _sendable(value, self._test_value)

    def _end(self, status: Status, detail: str) -> NoReturn:
        self.fault = Verdict(status, detail)
        raise EndedError


def _sendable(value: Any, other: plain.Other) -> plain.Json:
    """A function, class, module or iterator of a test's; what it holds goes through `other`."""
    if isinstance(value, types.FunctionType):
        cells = [plain.encode(cell.cell_contents, other) for cell in value.__closure__ or ()]
        defaults = plain.encode(value.__defaults__, other)
        return ["function", marshal.dumps(value.__code__).hex(), defaults, cells]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    if isinstance(value, type | types.BuiltinFunctionType) and value.__module__ not in (None, "tests"):
        return ["global", value.__module__, value.__qualname__]
    if isinstance(value, Iterator):
        items = list(itertools.islice(value, _MOST_ITEMS + 1))
        if len(items) <= _MOST_ITEMS:
            return ["iterator", *[plain.encode(item, other) for item in items]]
    raise CannotSendError(f"a test hands the program a {type(value).__name__}, which cannot be sent to it")


def _streams() -> tuple[Any, ...]:
    """What reads and prints here, and not in the program's process."""
    return sys.stdin, sys.stdout, builtins.input, builtins.print


def _replace_contents(mine: Any, theirs: Any) -> None:
    """Make an argument what the program made of it, as if it had been handed over by reference."""
    if type(mine) is not type(theirs):
        return
    if isinstance(mine, list | bytearray | collections.deque):
        mine.clear()
        mine.extend(theirs)
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(theirs)


def _resident_bytes(processes: Iterable[int]) -> int:
    """Memory of all these processes but this one."""
    pages = 0
    for process in processes:
        if process != os.getpid():
            try:
                pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue  # it ended meanwhile
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processes() -> list[int]:
    """The ids of all processes of this namespace."""
    return [int(process.name) for process in Path("/proc").iterdir() if process.name.isdecimal()]
