"""Values as plain data between the checker, which is trusted, and the program, which is not.

`decode` makes nothing but values of the built-in and standard-library types listed here, each by its exact type: no
class, no code and no object of the program ever reaches the checker. What is not plain data stays where it is and is
named by a number.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import sys
from collections.abc import Callable, Iterator
from typing import Any

Json = Any
Other = Callable[[Any], Json]
"""Encodes what is not plain data; it may raise TypeError."""

_DEPTH = 5000
"""How deeply values may be nested; a process's stack has room for it, and Python compares some hundreds."""


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """Room to write or read a deeply nested value, whatever room whoever made it had left."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_EXACT_INT_BITS = 1024
"""Integers up to this size are written in decimal; longer ones in hexadecimal, which takes linear time."""


def _write_integer(value: int) -> Json:
    return value if value.bit_length() <= _EXACT_INT_BITS else ["hex", hex(value)]


def _read_integer(data: Json) -> Any:
    return int(data[1], 16) if isinstance(data, list) and len(data) == 2 and data[0] == "hex" else data


_SEQUENCES: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_VIEWS: dict[str, Any] = {
    "dict_keys": lambda items: dict.fromkeys(items).keys(),
    "dict_values": lambda items: dict(enumerate(items)).values(),
    "dict_items": lambda items: dict(items).items(),
}
_MAPPINGS: dict[str, Any] = {
    "dict": dict,
    "Counter": collections.Counter,
    "OrderedDict": collections.OrderedDict,
}
_SCALARS: dict[str, Any] = {
    "hex": lambda text: int(text, 16),
    "complex": complex,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "memoryview": lambda text: memoryview(bytes.fromhex(text)),
    "range": lambda *parts: range(*map(_read_integer, parts)),
    "Decimal": decimal.Decimal,
    "Fraction": lambda *parts: fractions.Fraction(*map(_read_integer, parts)),
    "date": datetime.date,
    "time": lambda *parts: datetime.time(*parts[:-2], fold=parts[-2]).replace(tzinfo=_zone(parts[-1])),
    "datetime": lambda *parts: datetime.datetime(*parts[:-2], fold=parts[-2]).replace(tzinfo=_zone(parts[-1])),
    "timedelta": datetime.timedelta,
}
_MADE: dict[str, Any] = {"defaultdict": collections.defaultdict, "slice": slice}
"""What is made of other values: a function and a dictionary; two ends and a step."""
_SEQUENCE_TAGS: dict[type, str] = {kind: tag for tag, kind in _SEQUENCES.items()}
_SEQUENCE_TAGS |= {type({}.keys()): "dict_keys", type({}.values()): "dict_values", type({}.items()): "dict_items"}
_MAPPING_TAGS: dict[type, str] = {
    dict: "dict",
    collections.Counter: "Counter",
    collections.OrderedDict: "OrderedDict",
}
_WRITERS: dict[type, Callable[[Any], Json]] = {
    complex: lambda x: ["complex", x.real, x.imag],
    bytes: lambda x: ["bytes", x.hex()],
    bytearray: lambda x: ["bytearray", x.hex()],
    memoryview: lambda x: ["memoryview", x.hex()],
    range: lambda x: ["range", *map(_write_integer, (x.start, x.stop, x.step))],
    decimal.Decimal: lambda x: ["Decimal", str(x)],
    fractions.Fraction: lambda x: ["Fraction", *map(_write_integer, (x.numerator, x.denominator))],
    datetime.date: lambda x: ["date", x.year, x.month, x.day],
    datetime.timedelta: lambda x: ["timedelta", x.days, x.seconds, x.microseconds],
}
BASES = (int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict)
"""The plain types whose subclasses can be worth their value."""


class Kept:
    """A plain value that stands for an instance of a subclass in the other process; `stand_in` says which."""

    __slots__ = ()
    stand_in: Any


ABILITIES = (
    *("__call__", "__iter__", "__next__", "__len__", "__getitem__", "__setitem__", "__delitem__", "__reversed__"),
    *("__int__", "__float__", "__index__", "__round__", "__enter__", "__exit__"),
    *("__await__", "__aiter__", "__anext__", "__aenter__", "__aexit__"),
    *("__add__", "__sub__", "__mul__", "__truediv__", "__floordiv__", "__mod__", "__pow__", "__matmul__"),
    *("__and__", "__or__", "__xor__", "__neg__", "__abs__"),
)
"""What an object that stays with the program may be able to do; a test is told which of them it can."""


def encode(value: Any, other: Other, named: bool = False) -> Json:
    """`value` as JSON; parts that are not plain data go through `other`.

    Where `named`, an instance of a subclass that is worth its base's value (a named tuple, an IntEnum) is that value
    with what `other` has for it, so that its own attributes can be asked for.

    Raises:
        RecursionError: the value is nested too deeply or contains itself.
        TypeError: `other` has no form for a part of it.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is float:
        return value
    if kind is int:
        return _write_integer(value)
    if kind in _SEQUENCE_TAGS:
        return [_SEQUENCE_TAGS[kind], *[encode(item, other, named) for item in value]]
    if kind in _MAPPING_TAGS:
        pairs = value.items()
        return [_MAPPING_TAGS[kind], *[[encode(k, other, named), encode(v, other, named)] for k, v in pairs]]
    if kind is collections.defaultdict:
        return ["defaultdict", encode(value.default_factory, other, named), encode(dict(value), other, named)]
    if kind is slice:
        return ["slice", *[encode(part, other, named) for part in (value.start, value.stop, value.step)]]
    if kind in _WRITERS:
        return _WRITERS[kind](value)
    if kind in (datetime.datetime, datetime.time) and type(value.tzinfo) in (type(None), datetime.timezone):
        return _encode_clock(value)
    base = None if isinstance(value, Kept) else plain_base(kind)
    if base is None:
        return other(value)
    worth = encode(_as_base(base, value), other, named)
    return ["subclass", worth, other(value)] if named else worth


def _encode_clock(value: datetime.datetime | datetime.time) -> Json:
    zone = value.tzinfo.utcoffset(None) if value.tzinfo else None
    offset = [zone.days, zone.seconds, zone.microseconds] if zone is not None else None
    clock = [value.hour, value.minute, value.second, value.microsecond, value.fold, offset]
    if isinstance(value, datetime.datetime):
        return ["datetime", value.year, value.month, value.day, *clock]
    return ["time", *clock]


def _zone(offset: Any) -> datetime.timezone | None:
    return None if offset is None else datetime.timezone(datetime.timedelta(*offset))


def plain_base(kind: type) -> type | None:
    """The plain type whose value an instance of its subclass `kind` is (a named tuple, an IntEnum), if it is one.

    None where the subclass compares in its own way: then it isn't that value.
    """
    for base in BASES:
        if issubclass(kind, base) and kind is not base:
            return base if kind.__eq__ is base.__eq__ else None
    return None


def _as_base(base: Any, value: Any) -> Any:
    if base in (int, float, str):
        return base.__add__(value, base())
    if base is dict:
        return dict(dict.items(value))
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    return base(value)


def decode(data: Json, other: Callable[[list[Any]], Any]) -> Any:
    """The value that `encode` wrote; a list with an unknown tag goes to `other`.

    Raises:
        ValueError, TypeError, RecursionError, ArithmeticError: the data is not what `encode` writes.
    """
    if not isinstance(data, list):
        if isinstance(data, dict):
            raise ValueError("an object where a value was expected")
        return data
    tag, rest = data[0] if data else None, data[1:]
    if not isinstance(tag, str):
        raise ValueError("a list without a tag")
    if tag in _SEQUENCES:
        return _SEQUENCES[tag]([decode(item, other) for item in rest])
    if tag in _VIEWS:
        return _VIEWS[tag]([decode(item, other) for item in rest])
    if tag in _MAPPINGS:
        return _MAPPINGS[tag]({decode(key, other): decode(item, other) for key, item in rest})
    if tag in _SCALARS:
        return _SCALARS[tag](*rest)
    if tag in _MADE:
        return _MADE[tag](*[decode(part, other) for part in rest])
    if tag == "subclass":
        return other([tag, decode(rest[0], other), decode(rest[1], other)])
    return other(data)
