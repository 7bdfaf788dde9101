"""What stands in a test for an object that stays in the program's process: it is used there, and not compared here.

An operation of one object, or of two that are both the program's, is done over there; its result is a value like any
other. An operator never gets to see a test's own value: it could claim to be equal to it.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Generator
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from setwise.sandbox import plain


class Asks(Protocol):
    """The link to the program, as far as a stand-in needs it."""

    def ask(self, operation: str, /, *args: Any, **kwargs: Any) -> Any:
        """Have the program's process do `operation`."""
        ...

    def refuse(self, detail: str) -> NoReturn:
        """End the job without a verdict."""
        ...


class StandIn:
    """An object of the program's. `stand_in` makes one that has the operations which the object has."""

    __slots__ = ("_has_equality", "_kind", "_link", "_number")

    def __init__(self, link: Asks, number: int, kind: str, has_equality: bool) -> None:
        for name, value in (("_link", link), ("_number", number), ("_kind", kind), ("_has_equality", has_equality)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return self._link.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("setattr", self, name, value)

    def __instancecheck__(self, value: Any) -> bool:
        return self._link.ask("isinstance", self, value) is True

    def __subclasscheck__(self, kind: Any) -> bool:
        return self._link.ask("issubclass", self, kind) is True

    def __str__(self) -> str:
        """The program's text for it."""
        return self._link.ask("str", self)

    def __repr__(self) -> str:
        """See `__str__`."""
        return self._link.ask("repr", self)

    def __bool__(self) -> bool:
        """Its truth, as the program says."""
        return self._link.ask("bool", self)

    def __hash__(self) -> int:
        """The program's: equal objects must meet in a set, where they are refused."""
        return self._link.ask("hash", self) if self._has_equality else object.__hash__(self)

    def __eq__(self, other: object) -> bool:
        """True for the same object; else false against what it is not, and refused where only an operator could say."""
        if self is other:
            return True
        if isinstance(other, type) and issubclass(other, StandIn | plain.Kept):
            self._link.refuse(
                f"a test asks whether {self._kind!r} is the class of an object of the program's by type()"
            )
        if other is None or isinstance(other, type):
            return False
        if isinstance(other, StandIn) and not (self._has_equality or other._has_equality):
            return False
        return self._refuse(other)

    def __ne__(self, other: object) -> bool:
        """See `__eq__`."""
        return not self == other

    def _refuse(self, other: object) -> NoReturn:
        if isinstance(other, StandIn):
            self._link.refuse(
                f"a test compares two {self._kind!r} of the program's: no verdict can rest on what it says"
            )
        raise TypeError(f"an object of the program's own type {self._kind!r} cannot be compared by a test")

    __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def _exit(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        name = None if kind is None else built_in(kind).__name__
        return self._link.ask("exit", self, name, () if error is None else error.args) is True


def built_in(kind: type[BaseException]) -> type[BaseException]:
    """The nearest class that is Python's own."""
    return next(base for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base)


def _alone(operation: str) -> Callable[..., Any]:
    """An operation of one object, with plain arguments that tell nothing of what a test expects."""

    def ask(self: StandIn, /, *args: Any, **kwargs: Any) -> Any:
        return self._link.ask(operation, self, *args, **kwargs)

    return ask


def _together(operation: str) -> Callable[..., Any]:
    """An operation of two objects that are both the program's."""

    def ask(self: StandIn, other: Any) -> Any:
        return self._link.ask(operation, self, other) if isinstance(other, StandIn) else NotImplemented

    return ask


def _method(name: str) -> Callable[..., Any]:
    def call(self: StandIn, *args: Any) -> Any:
        return self._link.ask("getattr", self, name)(*args)

    return call


_ALONE = ("call", "iter", "next", "len", "int", "float", "index", "round", "getitem", "setitem", "delitem", "reversed")
_TOGETHER = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_ABLE: dict[str, Callable[..., Any]] = {
    **{f"__{name}__": _alone(name) for name in (*_ALONE, "neg", "abs", "enter", "aiter", "anext")},
    **{f"__{name}__": _together(name) for name in _TOGETHER},
    **{f"__{name}__": _together(f"{name}_") for name in ("and", "or")},
    "__xor__": _together("xor"),
    "__exit__": StandIn._exit,
    "__aenter__": _method("__aenter__"),
    "__aexit__": _method("__aexit__"),
    "__await__": lambda self: drive(self._link, self).__await__(),
}


@lru_cache(maxsize=1024)
def _class_of(kind: str, able: frozenset[str]) -> type[StandIn]:
    methods = {name: _ABLE[name] for name in plain.ABILITIES if name in able}
    return type(kind, (StandIn,), {"__slots__": (), "__hash__": StandIn.__hash__, **methods})


def stand_in(link: Asks, number: int, kind: str, able: list[str], has_equality: bool) -> StandIn:
    """The stand-in of object `number`, an instance of a class called `kind` with the methods `able`."""
    return _class_of(kind, frozenset(able))(link, number, kind, has_equality)


async def drive(link: Asks, awaitable: Any) -> Any:
    """A coroutine that has the program's event loop run `awaitable`, and all else it runs, while the test's waits."""
    import asyncio  # half of the worker's start, for the few tests that need it

    task = link.ask("task_start", awaitable)
    await asyncio.sleep(0)  # those that were gathered with it are begun, too
    try:
        while not link.ask("task_run", task):
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        link.ask("task_cancel", task)
        raise
    return link.ask("task_finish", task)


def generate(link: Asks, generator: Any) -> Generator[Any, Any, Any]:
    """A generator that has the program's `generator` go on, step by step."""
    operation: str = "next"
    args: tuple[Any, ...] = ()
    while True:
        try:
            item = link.ask(operation, *args) if args else link.ask(operation, generator)
        except StopIteration as end:
            return end.value
        try:
            sent = yield item
        except Exception as error:  # noqa: BLE001 - whatever is thrown into it
            operation, args = "call", (link.ask("getattr", generator, "throw"), built_in(type(error)))
        else:
            operation, args = ("next", ()) if sent is None else ("call", (link.ask("getattr", generator, "send"), sent))


def valued(value: Any, stand_in_: StandIn) -> Any:
    """A value of a plain type whose further attributes are those of an instance of the program's subclass."""

    def ask(self: Any, name: str) -> Any:
        return getattr(stand_in_, name)

    if type(value) not in plain.BASES or not isinstance(stand_in_, StandIn):
        raise ValueError("no value of a subclass")
    kind = type(stand_in_._kind, (type(value), plain.Kept), {"__getattr__": ask, "stand_in": stand_in_})
    return kind(value)


def exception(link: Asks, error: Any, decode: Callable[[Any], Any]) -> Exception:
    """The program's exception: of its nearest built-in class, under its own name, with its arguments and attributes."""
    kinds, message, args, remote = error
    names, args, remote = [str(kind) for kind in kinds], decode(args), decode(remote)
    for name in names:
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, _WITH_OTHER_ARGUMENTS):
            continue
        if name == names[0]:
            return kind(*args)
        body = {"__getattr__": lambda self, attribute: getattr(remote, attribute), "__str__": lambda self: str(message)}
        made = type(names[0], (kind,), body)(str(message))
        made.args = args
        return made
    return RuntimeError(f"{names[0] if names else 'exception'}: {message}")


_WITH_OTHER_ARGUMENTS = (UnicodeError, ExceptionGroup)
"""Exceptions that are not made of any arguments."""
