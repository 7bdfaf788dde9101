"""The process that runs the program: it does what the checker asks and answers with plain data.

Nothing in here is trusted once the program has run: it may read, patch or bypass all of it and gains nothing, because
the tests, their expected values and the verdict are in another process and every answer is only a value to compare.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import importlib
import marshal
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

from setwise.sandbox import channel, plain

_MUTABLE = (list, dict, set, bytearray, collections.deque)


def _call(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _isinstance(kind: Any, value: Any) -> bool:
    return isinstance(value, kind)


def _issubclass(kind: Any, derived: Any) -> bool:
    return issubclass(derived, kind)


def _exit(manager: Any, error: str | None, args: tuple[Any, ...]) -> bool:
    """Leave a context, with an exception of a built-in class if there is one."""
    if error is None:
        return bool(type(manager).__exit__(manager, None, None, None))
    raised = getattr(builtins, error)(*args)
    return bool(type(manager).__exit__(manager, type(raised), raised, None))


def _enter(manager: Any) -> Any:
    return type(manager).__enter__(manager)


class Tasks:
    """The program's coroutines, run on an event loop of its own for a moment at a time, as the test's loop asks."""

    _MOMENT_SECONDS = 0.01

    def __init__(self) -> None:
        self._loop: Any = None

    def start(self, awaitable: Any) -> Any:
        """A task that has not run yet."""
        import asyncio

        async def wait() -> Any:
            return await awaitable

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.create_task(wait())

    def run(self, task: Any) -> bool:
        """Run all tasks until this one is done, a moment at most; whether it is."""
        import asyncio

        self._loop.run_until_complete(asyncio.wait({task}, timeout=self._MOMENT_SECONDS))
        return bool(task.done())

    @staticmethod
    def finish(task: Any) -> Any:
        """What the task returned; raises what it raised."""
        return task.result()

    @staticmethod
    def cancel(task: Any) -> None:
        """Have the task cancelled when it is run next."""
        task.cancel()


_ON_OBJECTS: tuple[Any, ...] = (getattr, setattr, iter, next, len, str, repr, bool, int, float, round, reversed, hash)
_ON_ASYNC: tuple[Any, ...] = (aiter, anext)
_ON_ITEMS: tuple[Any, ...] = (operator.index, operator.getitem, operator.setitem, operator.delitem)
_TASKS = Tasks()
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "isinstance": _isinstance,
    "issubclass": _issubclass,
    "enter": _enter,
    "exit": _exit,
    **{operation.__name__: operation for operation in _ON_OBJECTS + _ON_ASYNC + _ON_ITEMS},
    **{f"task_{name}": getattr(_TASKS, name) for name in ("start", "run", "finish", "cancel")},
}
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "neg", "abs")
_OPERATIONS |= {name: getattr(operator, name) for name in ARITHMETIC}

_KINDS = {
    types.CoroutineType: "coroutine",
    types.GeneratorType: "generator",
}
"""Objects of Python's own for which a test may need one of the same class."""
_CLASSES = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}


def _method(kind: type, name: str) -> Any:
    """What instances of `kind` have under `name`; not what the class itself, as an object, has."""
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


class Objects:
    """The objects that stay in this process, by number."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def name(self, value: Any) -> plain.Json:
        """The name of a built-in class; for any other `value` a number, the same for the same object."""
        if isinstance(value, type) and _CLASSES.get(value.__name__) is value:
            return ["class", value.__name__]
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        kind = type(value)
        able = [name for name in plain.ABILITIES if _method(kind, name) is not None]
        own = _method(kind, "__eq__") is not object.__eq__
        return [_KINDS.get(kind, "object"), number, kind.__name__, able, own]

    def find(self, data: list[Any]) -> Any:
        """What the checker means: an object of ours, or a function, class or module of the tests."""
        kind, *rest = data
        if kind == "object":
            return self._objects[rest[0]]
        if kind == "iterator":
            return iter([plain.decode(item, self.find) for item in rest])
        if kind == "module":
            return importlib.import_module(rest[0])
        if kind == "global":
            return operator.attrgetter(rest[1])(importlib.import_module(rest[0]))
        code, defaults, cells = rest
        closure = tuple(types.CellType(plain.decode(cell, self.find)) for cell in cells)
        values = plain.decode(defaults, self.find)
        return types.FunctionType(marshal.loads(bytes.fromhex(code)), self.namespace, None, values, closure)

    def encode(self, value: Any) -> plain.Json:
        """`value` as plain data, or its number where it has no such form."""
        try:
            with plain.deep():
                return plain.encode(value, self.name, named=True)
        except RecursionError:
            return self.name(value)


def serve(descriptor: int) -> None:
    """Answer the checker until it is gone."""
    module = types.ModuleType("program")
    sys.modules["program"] = module
    objects = Objects(module.__dict__)
    while True:
        request = channel.receive(descriptor)
        try:
            reply = _answer(request, objects)
        except SystemExit as leaving:
            reply = {"exit": repr(leaving.code)[:200]}
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is an answer to the checker
            kinds = [kind.__name__ for kind in type(error).__mro__]
            reply = {"error": [kinds, _describe(error), objects.encode(_args(error)), objects.name(error)]}
        channel.send(descriptor, reply)


def _describe(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception as unprintable:  # noqa: BLE001 - the program's own exception may raise anything when printed
        return f"its message cannot be printed: {type(unprintable).__name__}"


def _args(error: BaseException) -> tuple[Any, ...]:
    args = error.args
    return args if type(args) is tuple else ()


def _answer(request: Any, objects: Objects) -> dict[str, Any]:
    operation, *rest = request
    if operation == "load":
        setup, program = rest
        _load(setup, program, objects.namespace)
        return {"value": None}
    if operation == "names":
        found = {name: objects.namespace[name] for name in rest[0] if name in objects.namespace}
        return {"value": objects.encode(found)}
    args = plain.decode(rest[0], objects.find)
    kwargs = plain.decode(rest[1], objects.find)
    changing = any(isinstance(arg, _MUTABLE) for arg in (*args, *kwargs.values()))
    before = objects.encode((args, kwargs)) if changing else None
    reply = {"value": objects.encode(_OPERATIONS[operation](*args, **kwargs))}
    if changing and (after := objects.encode((args, kwargs))) != before:
        reply["args"] = after
    return reply


def _load(setup: str, program: str, namespace: dict[str, Any]) -> None:
    # A set-up that needs the program's names, or a package that is not here, is the checker's to run and to report.
    with contextlib.suppress(NameError, ImportError):
        exec(compile(setup, "<setup>", "exec", dont_inherit=True), namespace)
    namespace["__builtins__"] = builtins
    exec(compile(program, "<program>", "exec", dont_inherit=True), namespace)
