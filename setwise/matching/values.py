"""What a mathematical answer is once it is read: the typed values that are compared."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any, NamedTuple

from setwise.matching.arithmetic import exact_value
from setwise.matching.times import Time
from setwise.matching.trees import Tree, sort_key
from setwise.matching.units import Unit

SHOWN_BITS = 700
INFINITY: Tree = ("c", "oo")
MINUS_INFINITY: Tree = ("*", Fraction(-1), ("c", "oo"))


class Words(NamedTuple):
    """No mathematics: compared as normalised text."""

    text: str


class Number(NamedTuple):
    """One expression.

    Attributes:
        tree: what it says; None where the notation is left to the library.
        latex: how it is written.
        half: for a decimal of six digits or more, half a unit of its last place: an irrational number or a fraction
            that it is the rounding of is the same answer. Else None.
    """

    tree: Tree | None
    latex: str
    half: Fraction | None = None


class Quantity(NamedTuple):
    """A number with a unit.

    Attributes:
        number: the number.
        unit: the unit.
        product: the same read as a product of letters (5 m is 5·m), where that is possible too.
        is_bare: beside a number without a unit it is its number; else it is the product there.
    """

    number: Number
    unit: Unit
    product: Number | None = None
    is_bare: bool = True


class Named(NamedTuple):
    """`x = value`. The name must agree if both state one."""

    name: str
    value: Value


class Equation(NamedTuple):
    """`difference = 0` (or `≤ 0`, `< 0`, `≠ 0`), the same as with any (positive) factor."""

    relation: str
    difference: Number


class Sequence(NamedTuple):
    """Ordered items in `brackets`: a point, a vector, a list. A pair in round brackets may be an open interval."""

    brackets: str
    items: tuple[Value, ...]


class Collection(NamedTuple):
    """A set; one that `is_bare` was written as a list without brackets, which may be an ordered one too."""

    items: tuple[Value, ...]
    is_bare: bool = False


class Interval(NamedTuple):
    """What lies between two numbers."""

    low: Number
    high: Number
    low_open: bool
    high_open: bool


class Region(NamedTuple):
    """A union of intervals, in order; `name` is the letter it is said of, if one is stated."""

    name: str
    pieces: tuple[Interval, ...]


class Matrix(NamedTuple):
    """Rows of entries."""

    rows: tuple[tuple[Value, ...], ...]


class Ratio(NamedTuple):
    """`a : b : …`."""

    terms: tuple[Number, ...]


Value = Words | Number | Quantity | Named | Equation | Sequence | Collection | Interval | Region | Matrix | Ratio | Time


def show(value: Any) -> str:
    """A canonical text of a value: equal numbers, quantities and spellings have equal texts."""
    if isinstance(value, Words):
        return value.text
    if isinstance(value, Number):
        return value.latex if value.tree is None else _show_tree(value.tree)
    if isinstance(value, Quantity):
        if value.number.tree is None:
            return f"{value.number.latex} {value.unit}"
        tree = ("*", value.unit.factor, value.number.tree)
        return f"{_show_tree(tree)} {value.unit._replace(factor=Fraction(1))}".strip()
    if isinstance(value, Named):
        return show(value.value)
    if isinstance(value, Collection):
        return "{" + ", ".join(sorted({show(item) for item in value.items})) + "}"
    if isinstance(value, Time):
        return f"{value.of_day()} s of the day"
    if isinstance(value, tuple):
        return f"{type(value).__name__}({', '.join([show(part) for part in value])})"
    return str(value)


def _show_tree(tree: Tree) -> str:
    exact = exact_value(tree)
    if exact is not None:
        return _show_exact(exact[0]) if not exact[1] else f"{_show_exact(exact[0])}+{_show_exact(exact[1])}i"
    if isinstance(tree, tuple) and tree[0] == "*" and tree[1] == 1:
        tree = tree[2] if len(tree) == 3 else ("*", *tree[2:])
    return _show_node(tree)


def _show_exact(value: Fraction) -> str:
    """A number of up to some 200 digits; of a longer one its digest."""
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    return str(value) if bits < SHOWN_BITS else hashlib.sha256(sort_key(value).encode()).hexdigest()


def _show_node(tree: Tree) -> str:
    if isinstance(tree, Fraction):
        return _show_exact(tree)
    kind, *parts = tree
    if kind in ("s", "c"):
        return str(parts[0]).replace("oo", "∞")
    if kind == "f":
        return f"{parts[0]}({','.join([_show_node(part) for part in parts[1:]])})"
    return "(" + kind.join([_show_node(part) for part in parts]) + ")"
