"""Whether two typed values are the same answer: equal, different, or a reason why that can't be said.

The relation is symmetric by construction. Structure is compared here; two expressions that neither exact arithmetic nor
their values at points can tell apart are asked of the algebra, as a pair of texts that `math_worker` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction

from setwise.matching.arithmetic import exact_value
from setwise.matching.expressions import Expression
from setwise.matching.math_pool import Verdict
from setwise.matching.regions import region
from setwise.matching.times import Time
from setwise.matching.trees import DEGREE, Tree, add, divide, multiply, negate
from setwise.matching.units import Unit, known_unit
from setwise.matching.valuation import are_apart, are_proportional, is_within
from setwise.matching.values import (
    INFINITY,
    MINUS_INFINITY,
    Collection,
    Equation,
    Interval,
    Matrix,
    Named,
    Number,
    Quantity,
    Ratio,
    Region,
    Sequence,
    Value,
    Words,
)

Pair = tuple[str, str]

EQUAL, DIFFERENT = Verdict.EQUAL, Verdict.DIFFERENT
_INFINITE = (INFINITY, MINUS_INFINITY)


def compare(one: Expression, other: Expression) -> bool | None:
    """Whether two expressions are equal, where that can be said without algebra; else None."""
    verdict = Comparison({}).equal(one, other)
    return verdict is EQUAL if verdict.decided else None


class Comparison:
    """Compares values by the verdicts known so far; the pairs that it lacks are in `missing`."""

    def __init__(self, verdicts: Mapping[Pair, Verdict]) -> None:
        self.missing: set[Pair] = set()
        self._verdicts = verdicts

    def equal(self, one: Expression, other: Expression) -> Verdict:
        """The verdict on two prepared answers; `UNDECIDED` while a pair of theirs is missing."""
        if one.value == other.value:
            return EQUAL
        if one.latex > other.latex:
            one, other = other, one
        return self._values(one.value, other.value)

    def _values(self, one: Value, other: Value) -> Verdict:
        for a, b in ((one, other), (other, one)):
            if isinstance(a, Words):
                return EQUAL if a == b else DIFFERENT
        for a, b in ((one, other), (other, one)):
            if isinstance(a, Number) and a.tree is None and not isinstance(b, Number | Quantity | Named):
                if isinstance(b, Matrix | Sequence) and r"\begin" in a.latex:  # a matrix that is not worked out here
                    return Verdict.UNDECIDED
                return DIFFERENT if not isinstance(b, Equation) else self._numbers(a, b.difference)
        for a, b in ((one, other), (other, one)):
            if isinstance(a, Named | Equation):
                return self._said(a, b)
        if isinstance(one, Time) or isinstance(other, Time):
            return _times(one, other)
        if isinstance(one, Ratio) or isinstance(other, Ratio):
            return self._ratios(one, other)
        if isinstance(one, Number | Quantity) and isinstance(other, Number | Quantity):
            return self._measures(one, other)
        return self._structures(one, other)

    def _said(self, one: Named | Equation, other: Value) -> Verdict:
        """`x = 5` beside a value is its value; beside an equation it is one."""
        if isinstance(one, Named) and not isinstance(other, Named | Equation):
            return self._values(one.value, other)
        if isinstance(one, Named) and isinstance(other, Named) and one.name in ("", other.name or one.name):
            return self._values(one.value, other.value)
        first, second = _as_equation(one), _as_equation(other)
        if first is not None and second is not None:
            return self._equations(first, second)
        is_region = isinstance(other, Region | Interval | Sequence) and isinstance(one, Equation)
        return Verdict.UNDECIDED if is_region and one.relation != "=" else DIFFERENT  # type: ignore[union-attr]

    def _equations(self, one: Equation, other: Equation) -> Verdict:
        if one.relation != other.relation:
            return DIFFERENT
        first, second = one.difference, other.difference
        if first == second:
            return EQUAL
        if first.tree is None or second.tree is None:
            return self._ask(first.latex, second.latex)
        if are_proportional(first.tree, second.tree) is False:
            return DIFFERENT
        return self._ask(*[json.dumps([one.relation, _plain(tree)]) for tree in (first.tree, second.tree)])

    def _ratios(self, one: Value, other: Value) -> Verdict:
        if isinstance(one, Ratio) and isinstance(other, Ratio):
            if len(one.terms) != len(other.terms):
                return DIFFERENT
            products = []
            for i in range(len(one.terms)):
                for j in range(i):
                    a, b, c, d = one.terms[i].tree, one.terms[j].tree, other.terms[i].tree, other.terms[j].tree
                    if a is None or b is None or c is None or d is None:
                        return Verdict.UNDECIDED
                    products.append(self._trees(multiply(a, d), multiply(b, c)))
            return _all([*products, EQUAL if _zeros(one) == _zeros(other) else DIFFERENT])
        ratio, value = (one, other) if isinstance(one, Ratio) else (other, one)
        assert isinstance(ratio, Ratio)
        first, second = ratio.terms[0].tree, ratio.terms[1].tree
        if len(ratio.terms) != 2 or not isinstance(value, Number) or first is None or second is None or not second:
            return DIFFERENT
        return self._numbers(Number(divide(first, second), ""), value)

    def _measures(self, one: Number | Quantity, other: Number | Quantity) -> Verdict:
        if isinstance(one, Number) and isinstance(other, Number):
            return self._numbers(one, other)
        if isinstance(one, Quantity) and isinstance(other, Quantity):
            if one.product is not None and other.product is not None and one.product == other.product:
                return EQUAL
            return self._quantities(one, other)
        quantity, number = (one, other) if isinstance(one, Quantity) else (other, one)
        assert isinstance(quantity, Quantity) and isinstance(number, Number)
        if quantity.product is not None and (not quantity.is_bare or _has_letters(number)):
            return self._numbers(quantity.product, number)
        if quantity.unit == known_unit("degree") and quantity.number.tree is not None and _holds_pi(number.tree):
            return self._numbers(Number(multiply(quantity.number.tree, DEGREE), ""), number)
        return self._numbers(quantity.number, number)

    def _quantities(self, one: Quantity, other: Quantity) -> Verdict:
        first, second = _in_radians(one, other), _in_radians(other, one)
        if {first.unit, second.unit} == {known_unit("sterling"), known_unit("lb")}:  # both are called pounds
            return self._numbers(first.number, second.number)
        if first.unit.dimension != second.unit.dimension:
            return DIFFERENT
        if first.unit.factor == second.unit.factor:
            return self._numbers(first.number, second.number)
        if first.number.tree is None or second.number.tree is None:
            return Verdict.UNDECIDED
        return self._numbers(_scaled(first), _scaled(second))

    def _structures(self, one: Value, other: Value) -> Verdict:
        if isinstance(one, Collection) and isinstance(other, Collection):
            return self._sets(one.items, other.items)
        for a, b in ((one, other), (other, one)):
            if isinstance(a, Collection):
                if isinstance(b, Sequence) and a.is_bare and len(a.items) > 1:
                    return self._in_order(a.items, b.items)
                return self._values(a.items[0], b) if len(a.items) == 1 else DIFFERENT
        first, second = _ordered(one), _ordered(other)
        if first is not None and second is not None:
            return self._in_order(first, second)
        if isinstance(one, Matrix) and isinstance(other, Matrix):
            rows = zip(one.rows, other.rows, strict=False)
            same = [self._in_order(a, b) for a, b in rows]
            return _all(same) if len(one.rows) == len(other.rows) else DIFFERENT
        left, right = region(one), region(other)
        if left is not None and right is not None:
            return self._regions(left, right)
        return DIFFERENT

    def _sets(self, one: tuple[Value, ...], other: tuple[Value, ...]) -> Verdict:
        if not one or not other:
            return EQUAL if one == other else DIFFERENT
        if one == other:
            return EQUAL
        beside = [[self._values(a, b) for b in other] for a in one]
        return _all([*[_any(row) for row in beside], *[_any(column) for column in zip(*beside, strict=True)]])

    def _in_order(self, one: tuple[Value, ...], other: tuple[Value, ...]) -> Verdict:
        if len(one) != len(other):
            return DIFFERENT
        return _all([self._values(a, b) for a, b in zip(one, other, strict=True)])

    def _regions(self, one: Region, other: Region) -> Verdict:
        if len(one.pieces) != len(other.pieces) or (one.name and other.name and one.name != other.name):
            return DIFFERENT
        verdicts = []
        for a, b in zip(one.pieces, other.pieces, strict=True):
            if (a.low_open, a.high_open) != (b.low_open, b.high_open):
                return DIFFERENT
            verdicts += [self._numbers(a.low, b.low), self._numbers(a.high, b.high)]
        return _all(verdicts)

    def _trees(self, one: Tree, other: Tree) -> Verdict:
        return self._numbers(Number(one, ""), Number(other, ""))

    def _numbers(self, one: Number, other: Number) -> Verdict:
        """Exact numbers are compared exactly; of two expressions, only the algebra says that they are equal."""
        if one.tree is None or other.tree is None:
            return EQUAL if one.tree == other.tree and one.latex == other.latex else self._ask(_text(one), _text(other))
        if one.tree == other.tree:
            return EQUAL
        if one.tree in _INFINITE or other.tree in _INFINITE:
            return DIFFERENT
        first, second = exact_value(one.tree), exact_value(other.tree)
        if first is not None and first == second:
            return EQUAL
        if _is_rounding(one, other) or _is_rounding(other, one):
            return self._ask(_text(one), _text(other))
        if (first is not None and second is not None) or are_apart(one.tree, other.tree):
            return DIFFERENT
        return self._ask(_text(one._replace(half=None)), _text(other._replace(half=None)))

    def _ask(self, one: str, other: str) -> Verdict:
        pair = (one, other) if one < other else (other, one)
        if pair not in self._verdicts:
            self.missing.add(pair)
            return Verdict.UNDECIDED
        return self._verdicts[pair]


def _all(verdicts: list[Verdict]) -> Verdict:
    """Different if any is, else undecided if any is."""
    if DIFFERENT in verdicts:
        return DIFFERENT
    return next((verdict for verdict in verdicts if verdict is not EQUAL), EQUAL)


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    """Equal if any is, else undecided if any is."""
    found = list(verdicts)
    if EQUAL in found:
        return EQUAL
    return next((verdict for verdict in found if verdict is not DIFFERENT), DIFFERENT)


def _times(one: Value, other: Value) -> Verdict:
    if isinstance(one, Time) and isinstance(other, Time):
        return EQUAL if one.is_same(other) else DIFFERENT
    time, ratio = (one, other) if isinstance(one, Time) else (other, one)
    if isinstance(ratio, Ratio) and isinstance(time, Time) and not time.half:
        stated = [Fraction(time.hour), time.seconds / 60]
        return EQUAL if [term.tree for term in ratio.terms] == stated else DIFFERENT
    return DIFFERENT


def _zeros(ratio: Ratio) -> list[bool]:
    return [term.tree == 0 for term in ratio.terms]


def _as_equation(value: Value) -> Equation | None:
    if isinstance(value, Equation):
        return value
    if isinstance(value, Named) and value.name and isinstance(value.value, Number) and value.value.tree is not None:
        return Equation("=", Number(add(("s", value.name), negate(value.value.tree)), ""))
    return None


def _ordered(value: Value) -> tuple[Value, ...] | None:
    """The items of a point, or of a matrix of one column or row."""
    if isinstance(value, Sequence):
        return value.items
    if isinstance(value, Matrix) and 1 in (len(value.rows), len(value.rows[0])):
        return tuple([entry for row in value.rows for entry in row])
    return None


def _in_radians(quantity: Quantity, other: Quantity) -> Quantity:
    """An angle in degrees as one in radians, beside one in radians."""
    degree, radian = known_unit("degree"), known_unit("rad")
    if degree is None or radian is None or other.unit.dimension != radian.dimension or quantity.number.tree is None:
        return quantity
    if quantity.unit.dimension != degree.dimension:
        return quantity
    tree = multiply(quantity.unit.factor, quantity.number.tree, DEGREE)
    return Quantity(Number(tree, ""), Unit(Fraction(1), radian.dimension))


def _scaled(quantity: Quantity) -> Number:
    number, factor = quantity.number, quantity.unit.factor
    half = None if number.half is None else number.half * factor
    return Number(multiply(factor, number.tree), number.latex, half)


def _has_letters(number: Number) -> bool:
    return number.tree is None or '"s"' in json.dumps(_plain(number.tree))


def _holds_pi(tree: Tree) -> bool:
    text = "" if tree is None else json.dumps(_plain(tree))
    return '"pi"' in text or '"arc' in text


def _is_rounding(decimal: Number, number: Number) -> bool:
    """Whether a long decimal is the rounding of a number that no decimal states exactly."""
    if decimal.half is None or number.half is not None:
        return False
    exact = exact_value(number.tree)
    if exact is not None and (exact[1] or _terminates(exact[0])):
        return False
    return is_within(decimal.tree, number.tree, decimal.half)


def _terminates(value: Fraction) -> bool:
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def _text(number: Number) -> str:
    """What the algebra reads: a tree as JSON, with how far it may be off; or LaTeX."""
    if number.tree is None:
        return number.latex
    return json.dumps(["~", _plain(number.tree), _plain(number.half)] if number.half else _plain(number.tree))


def _plain(tree: Tree) -> object:
    if isinstance(tree, Fraction):
        return ["n", f"{tree.numerator:x}/{tree.denominator:x}"]
    return [part if isinstance(part, str) else _plain(part) for part in tree]
