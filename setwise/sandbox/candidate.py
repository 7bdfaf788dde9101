"""The process that runs the program: it does what the checker asks and answers with plain data.

Nothing in here is trusted once the program has run: it may read, patch or bypass all of it and gains nothing, because
the tests, their expected values and the verdict are in another process and every answer is only a value to compare.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import marshal
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

from setwise.sandbox import channel, plain

_MUTABLE = (list, dict, set, bytearray)


def _call(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _isinstance(kind: Any, value: Any) -> bool:
    return isinstance(value, kind)


_ON_OBJECTS: tuple[Any, ...] = (getattr, setattr, iter, next, len, str, repr, bool, int, float, round)
_ON_ITEMS: tuple[Any, ...] = (operator.index, operator.getitem, operator.setitem, operator.delitem)
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "isinstance": _isinstance,
    **{operation.__name__: operation for operation in _ON_OBJECTS + _ON_ITEMS},
}


_CLASSES = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}


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
        return ["object", number, type(value).__name__]

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
            return plain.encode(value, self.name)
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
            reply = {"error": [kinds, _describe(error)]}
        channel.send(descriptor, reply)


def _describe(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception as unprintable:  # noqa: BLE001 - the program's own exception may raise anything when printed
        return f"its message cannot be printed: {type(unprintable).__name__}"


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
    changing = any(isinstance(arg, _MUTABLE) for arg in args)
    before = objects.encode(args) if changing else None
    reply = {"value": objects.encode(_OPERATIONS[operation](*args, **kwargs))}
    if changing and (after := objects.encode(args)) != before:
        reply["args"] = after
    return reply


def _load(setup: str, program: str, namespace: dict[str, Any]) -> None:
    # A set-up that needs the program's names, or a package that is not here, is the checker's to run and to report.
    with contextlib.suppress(NameError, ImportError):
        exec(compile(setup, "<setup>", "exec", dont_inherit=True), namespace)
    namespace["__builtins__"] = builtins
    exec(compile(program, "<program>", "exec", dont_inherit=True), namespace)
