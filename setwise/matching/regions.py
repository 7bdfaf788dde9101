"""Parts of the real line: intervals, their unions, intersections and what is left without some points."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from setwise.matching.trees import ForeignError, UnreadableError
from setwise.matching.valuation import real_value
from setwise.matching.values import INFINITY, MINUS_INFINITY, Collection, Interval, Number, Region, Sequence, Value

NEGATIVE_INFINITY = Number(MINUS_INFINITY, r"-\infty")
POSITIVE_INFINITY = Number(INFINITY, r"\infty")
REALS = Region("", (Interval(NEGATIVE_INFINITY, POSITIVE_INFINITY, True, True),))


def linear(difference: Number, sign: str) -> Region | None:
    """What solves `a x + b < 0` with numbers a and b; None if it is something else."""
    tree, slope, constant, letters = difference.tree, Fraction(0), Fraction(0), set()
    for term in tree[1:] if isinstance(tree, tuple) and tree[0] == "+" else (tree,):
        if isinstance(term, Fraction):
            constant += term
            continue
        factor, letter = (term[1], term[2]) if term and term[0] == "*" and len(term) == 3 else (Fraction(1), term)
        if not letter or letter[0] != "s" or not isinstance(factor, Fraction):
            return None
        letters.add(letter[1])
        slope += factor
    if len(letters) != 1 or not slope:
        return None
    bound, is_open = Number(-constant / slope, ""), sign in "<>"
    if (slope > 0) == (sign in ("<", r"\le")):
        return Region(letters.pop(), (Interval(NEGATIVE_INFINITY, bound, True, is_open),))
    return Region(letters.pop(), (Interval(bound, POSITIVE_INFINITY, is_open, True),))


def region(value: Value, name: str = "") -> Region | None:
    """A value read as a union of intervals; None if it is none."""
    if isinstance(value, Region):
        return value
    if isinstance(value, Interval):
        return Region(name, (value,))
    if isinstance(value, Sequence) and value.brackets == "()" and len(value.items) == 2:
        low, high = value.items
        if isinstance(low, Number) and isinstance(high, Number):
            return Region(name, (Interval(low, high, True, True),))
    return None


def union(values: list[Value]) -> Value:
    """The union of intervals, in order and joined where they meet; of sets, their items together."""
    if all(isinstance(value, Collection) for value in values):
        return Collection(tuple([item for value in values for item in value.items]))  # type: ignore[union-attr]
    pieces, name = [], ""
    for value in values:
        if isinstance(value, Collection) and all(isinstance(item, Number) for item in value.items):
            pieces += [Interval(item, item, False, False) for item in value.items]  # type: ignore[arg-type]
        elif (part := region(value)) is not None:
            pieces += part.pieces
            name = name or part.name
        else:
            raise UnreadableError("a union of other things")
    return Region(name, _joined(pieces))


def _order(number: Number) -> Any:
    """What an end is sorted by; None if it has no value."""
    if number.tree == INFINITY:
        return float("inf")
    if number.tree == MINUS_INFINITY:
        return float("-inf")
    return None if number.tree is None else real_value(number.tree)


def _joined(pieces: list[Interval]) -> tuple[Interval, ...]:
    """Sorted, and joined where one ends at or behind the start of the next; as they are where an end has no value."""
    ends = {piece: (_order(piece.low), _order(piece.high)) for piece in pieces}
    if any(low is None or high is None for low, high in ends.values()):
        return tuple(pieces)
    pieces = sorted(pieces, key=lambda piece: (ends[piece][0], piece.low_open))
    joined = pieces[:1]
    for piece in pieces[1:]:
        last = joined[-1]
        last_high, low, high = _order(last.high), ends[piece][0], ends[piece][1]
        if low < last_high or (low == last_high and not (piece.low_open and last.high_open)):
            if high > last_high or (high == last_high and last.high_open):
                joined[-1] = last._replace(high=piece.high, high_open=piece.high_open)
        else:
            joined.append(piece)
    return tuple(joined)


def common(values: list[Value]) -> Value:
    """What two or more intervals have in common, where it is one interval."""
    pieces = [piece for value in values for piece in value.pieces]  # type: ignore[union-attr]
    if len(pieces) != len(values) or any(_order(end) is None for p in pieces for end in (p.low, p.high)):
        raise UnreadableError("regions that cannot be intersected here")
    low = max(pieces, key=lambda p: (_order(p.low), p.low_open))
    high = min(pieces, key=lambda p: (_order(p.high), not p.high_open))
    name = next((value.name for value in values if value.name), "")  # type: ignore[union-attr]
    if _order(low.low) > _order(high.high):
        return Collection(())
    return Region(name, (Interval(low.low, high.high, low.low_open, high.high_open),))


def without(points: tuple[Number, ...], name: str = "") -> Value:
    """The reals without some points."""
    if any(_order(point) is None for point in points):
        raise ForeignError("points without a value")
    ordered = sorted(set(points), key=_order)
    ends = [NEGATIVE_INFINITY, *ordered, POSITIVE_INFINITY]
    return Region(name, tuple([Interval(a, b, True, True) for a, b in pairwise(ends)]))
