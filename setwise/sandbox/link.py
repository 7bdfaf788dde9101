"""The checker's link to the program's process: requests go out, plain data and stand-ins come back.

A stand-in can be called, indexed, iterated and converted, which happens in the other process. It refuses to be
compared, added or searched: an operator of the program's own never takes part in a test's comparison.
"""

from __future__ import annotations

import builtins
import itertools
import marshal
import os
import select
import signal
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from setwise.sandbox import channel, plain
from setwise.sandbox.job import Limits, Status
from setwise.sandbox.stalls import Stopwatch

_TICK_SECONDS = 0.05
"""How often the memory of a program that has been asked something is looked at."""
_MOST_ITEMS = 100_000
"""The longest iterator that a test can hand over; it goes as the list of its items."""


_WITH_OTHER_ARGUMENTS = (UnicodeError, ExceptionGroup)
"""Exceptions that are not made of one message."""


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
    """The checker's end of the channel to the program."""

    def __init__(self, descriptor: int, pid: int, limits: Limits) -> None:
        self._descriptor = descriptor
        self._pid = pid
        self._limits = limits
        self._looked = time.monotonic()
        self._stopwatch = Stopwatch(limits, _processes)
        self.fault: Verdict | None = None
        self.last: Any = None
        """The last value that the program handed over, for the detail of a failed test."""
        self.raised: Exception | None = None
        """The last exception that came from the program."""

    def ask(self, operation: str, /, *args: Any, **kwargs: Any) -> Any:
        """Have the program's process do `operation`; exceptions raised there are raised here."""
        try:
            encoded = [plain.encode(args, _test_value), plain.encode(kwargs, _test_value)]
        except CannotSendError as error:
            self._end(Status.REFUSED, str(error))
        reply = self.exchange([operation, *encoded])
        if "args" in reply:
            for mine, theirs in zip(args, self._decode(reply["args"]), strict=True):
                _replace_contents(mine, theirs)
        self.last = self._decode(reply["value"])
        return self.last

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
            self.raised = _exception(reply["error"])
            raise self.raised
        return reply

    def _decode(self, data: plain.Json) -> Any:
        try:
            return plain.decode(data, self._stand_in)
        except (ValueError, TypeError, RecursionError, ArithmeticError, LookupError) as error:
            self._end(Status.CRASHED, f"sent something that is no value: {type(error).__name__}")

    def _stand_in(self, data: list[Any]) -> Any:
        if data[0] == "class" and isinstance(kind := getattr(builtins, data[1]), type):
            return kind
        tag, number, kind = data
        if tag != "object":
            raise ValueError("unknown tag")
        return StandIn(self, int(number), str(kind))

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
        if _resident_bytes() > self._limits.memory_bytes:
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

    def _end(self, status: Status, detail: str) -> NoReturn:
        self.fault = Verdict(status, detail)
        raise EndedError


class StandIn:
    """An object that lives in the program's process: it can be used there, and not compared here."""

    __slots__ = ("_kind", "_link", "_number")

    def __init__(self, link: Link, number: int, kind: str) -> None:
        for name, value in (("_link", link), ("_number", number), ("_kind", kind)):
            object.__setattr__(self, name, value)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Have the program's process call it."""
        return self._link.ask("call", self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return self._link.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("setattr", self, name, value)

    def __instancecheck__(self, value: Any) -> bool:
        return self._link.ask("isinstance", self, value) is True

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(f"an object of the program's own type {self._kind!r} cannot be compared by a test")

    def __eq__(self, other: object) -> bool:
        """False against None and classes, which it is not; refused against any value it might be worth."""
        return False if other is None or isinstance(other, type) else self._refuse()

    def __ne__(self, other: object) -> bool:
        """See `__eq__`."""
        return not self == other

    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = object.__hash__


def _asking(operation: str) -> Callable[..., Any]:
    def ask(self: StandIn, *args: Any) -> Any:
        return self._link.ask(operation, self, *args)

    return ask


# One operand, or a key: nothing here tells the program what a test expects.
_OPERATIONS = ("iter", "next", "len", "str", "repr", "bool", "int", "float", "round", "index")
for _operation in (*_OPERATIONS, "getitem", "setitem", "delitem"):
    setattr(StandIn, f"__{_operation}__", _asking(_operation))


def _test_value(value: Any) -> plain.Json:
    """How a test's own value that is not plain data goes to the program's process."""
    if type(value) is StandIn:
        return ["object", value._number]
    if isinstance(value, types.FunctionType):
        cells = [plain.encode(cell.cell_contents, _test_value) for cell in value.__closure__ or ()]
        defaults = plain.encode(value.__defaults__, _test_value)
        return ["function", marshal.dumps(value.__code__).hex(), defaults, cells]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    if isinstance(value, type | types.BuiltinFunctionType) and value.__module__ not in (None, "tests"):
        return ["global", value.__module__, value.__qualname__]
    if isinstance(value, Iterator):
        items = list(itertools.islice(value, _MOST_ITEMS + 1))
        if len(items) <= _MOST_ITEMS:
            return ["iterator", *[plain.encode(item, _test_value) for item in items]]
    raise CannotSendError(f"a test hands the program a {type(value).__name__}, which cannot be sent to it")


def _replace_contents(mine: Any, theirs: Any) -> None:
    """Make an argument what the program made of it, as if it had been handed over by reference."""
    if type(mine) is not type(theirs):
        return
    if isinstance(mine, list | bytearray):
        mine[:] = theirs
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(theirs)


def _exception(error: Any) -> Exception:
    """The program's exception: of its nearest built-in class, under its own name."""
    kinds, message = error if isinstance(error, list) and len(error) == 2 else ([], "")
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else []
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, _WITH_OTHER_ARGUMENTS):
            own = kind if name == names[0] or not names[0].isidentifier() else type(names[0], (kind,), {})
            return own(str(message))
    return RuntimeError(f"{names[0] if names else 'exception'}: {message}")


def _resident_bytes() -> int:
    """Memory of all processes of this namespace but this one."""
    pages = 0
    for process in _processes():
        if process != os.getpid():
            try:
                pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue  # it ended meanwhile
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processes() -> list[int]:
    """The ids of all processes of this namespace."""
    return [int(process.name) for process in Path("/proc").iterdir() if process.name.isdecimal()]
