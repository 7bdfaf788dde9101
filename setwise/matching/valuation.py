"""What a formula's tree is worth at points, where numbers stand for its letters, to 100 digits.

Values at points are computed twice, with different precision; what the two differ by is the error. Two trees whose
values differ by far more are different for certain, however small or near each other they are (mpmath's numbers have no
smallest and no largest). That two trees agree at every point proves nothing and is left to the algebra.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import mpmath

from setwise.matching.arithmetic import NoValueError
from setwise.matching.trees import Tree

_PRECISIONS = (340, 460)
_CERTAIN = mpmath.mpf(2) ** 24
_RELATIVE = mpmath.mpf(2) ** -240


class Value(NamedTuple):
    """A value at a point, and how far it may be off."""

    number: Any
    error: Any

    @property
    def is_real(self) -> bool:
        """Whether it has no imaginary part beyond the error."""
        return bool(abs(mpmath.im(self.number)) <= self.error * _CERTAIN)


@lru_cache(maxsize=2**15)
def values_at_points(tree: Tree) -> tuple[Value | None, ...]:
    """The values with numbers for the letters: positive, negative and mixed ones; None where there is none."""
    return tuple([_value(tree, point) for point in range(3 if has_letter(tree) else 1)])


def real_value(tree: Tree) -> Any:
    """The real number that a tree without letters is, to 100 digits; None if it is none."""
    value = None if has_letter(tree) else values_at_points(tree)[0]
    return mpmath.re(value.number) if value is not None and value.is_real else None


def is_within(one: Tree, other: Tree, distance: Fraction) -> bool:
    """Whether two trees without letters are numbers that lie no further apart than `distance`."""
    values = (values_at_points(one)[0], values_at_points(other)[0])
    if values[0] is None or values[1] is None or has_letter(one) or has_letter(other):
        return False
    return bool(abs(values[0].number - values[1].number) <= mpmath.mpf(distance.numerator) / distance.denominator)


def are_proportional(one: Tree, other: Tree) -> bool | None:
    """False if the quotient of two trees is seen not to be the same at two points; else None."""
    values = [value for tree in (one, other) for value in values_at_points(tree)[:2]]
    if len(values) != 4 or any(value is None for value in values):
        return None
    (a, b, c, d) = values
    with mpmath.workprec(_PRECISIONS[0]):
        apart = abs(a.number * d.number - b.number * c.number)  # type: ignore[union-attr]
        size = max(abs(a.number * d.number), abs(b.number * c.number))  # type: ignore[union-attr]
        return False if apart > _RELATIVE * size * _CERTAIN and apart > mpmath.mpf(2) ** -200 else None


def are_apart(one: Tree, other: Tree) -> bool:
    """Whether two trees are seen to differ: at the positive point, or at another where each part of both is real."""
    for point, (a, b) in enumerate(zip(values_at_points(one), values_at_points(other), strict=False)):
        if a is None or b is None:
            if point == 0:
                return False
        elif (point == 0 or (a.is_real and b.is_real)) and _differ(a, b):
            return True
    return False


def _differ(one: Value, other: Value) -> bool:
    with mpmath.workprec(_PRECISIONS[0]):
        apart = abs(one.number - other.number)
        size = max(abs(one.number), abs(other.number))
        return bool(apart > _CERTAIN * (one.error + other.error) and apart > _RELATIVE * size)


def has_letter(tree: Tree) -> bool:
    """Whether a tree holds a letter."""
    return isinstance(tree, tuple) and (tree[0] == "s" or any(map(has_letter, tree[1:])))


def _value(tree: Tree, point: int) -> Value | None:
    try:
        with mpmath.workprec(_PRECISIONS[0]):
            rough = _at(tree, point)
        with mpmath.workprec(_PRECISIONS[1]):
            fine = _at(tree, point)
            error = abs(fine - rough) + abs(fine) * mpmath.mpf(2) ** (16 - _PRECISIONS[0])
    except (NoValueError, ArithmeticError, ValueError, TypeError, KeyError, mpmath.libmp.NoConvergence):
        return None
    return Value(fine, error) if mpmath.isfinite(fine) else None


def _at(tree: Tree, point: int) -> Any:
    if isinstance(tree, Fraction):
        return mpmath.mpf(tree.numerator) / tree.denominator
    kind, *parts = tree
    if kind == "s":
        return _letter(parts[0], point)
    if kind == "c":
        return _CONSTANTS[parts[0]]()
    if kind == "+":
        return mpmath.fsum([_at(part, point) for part in parts])
    if kind == "*":
        return mpmath.fprod([_at(part, point) for part in parts])
    if kind == "^":
        base, exponent = _at(parts[0], point), _at(parts[1], point)
        return _real_at(_power_at(base, exponent), [base, exponent], point)
    arguments = [_at(part, point) for part in parts[1:]]
    if parts[0] in _STEPS:
        return _step(_STEPS[parts[0]], arguments)
    if any(abs(mpmath.mag(argument)) > 64 for argument in arguments if argument and parts[0] not in ("ln", "abs")):
        raise NoValueError("too large")
    return _real_at(_AT[parts[0]](*arguments), arguments, point)


def _real_at(value: Any, arguments: list[Any], point: int) -> Any:
    """A value as it is; none where a root or a logarithm leaves the real numbers because a letter is negative."""
    if point and mpmath.im(value) and not any(mpmath.im(argument) for argument in arguments):
        raise NoValueError("not real")
    return value


def _letter(name: str, point: int) -> Any:
    number = sum([ord(character) * 7919 * (place + 1) for place, character in enumerate(name)])
    value = (mpmath.mpf(number % 1009) + 433) / 613
    return -value if point == 1 or (point == 2 and number % 2) else value


def _power_at(base: Any, exponent: Any) -> Any:
    if not base:
        if mpmath.re(exponent) <= 0:
            raise NoValueError("a power of zero")
        return base
    if exponent and mpmath.mag(exponent) + mpmath.mag(1 + abs(mpmath.mag(base))) > 64:
        raise NoValueError("too large")
    return mpmath.power(base, exponent)


def _step(function: Callable[..., Any], arguments: list[Any]) -> Any:
    """A function that jumps: of real numbers that are not just beside a jump."""
    if any(mpmath.im(argument) for argument in arguments):
        raise NoValueError("not real")
    nearest = [abs(argument - mpmath.nint(argument)) for argument in arguments]
    if function in (mpmath.floor, mpmath.ceil) and any(d and d < mpmath.mpf(2) ** -200 for d in nearest):
        raise NoValueError("beside a jump")
    return function(*arguments)


def _infinity() -> Any:
    raise NoValueError("infinity")


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "pi": lambda: +mpmath.pi,
    "e": lambda: +mpmath.e,
    "i": lambda: mpmath.mpc(0, 1),
    "oo": _infinity,
}
_STEPS: dict[str, Callable[..., Any]] = {
    "floor": mpmath.floor, "ceiling": mpmath.ceil, "max": max, "min": min, "sgn": mpmath.sign,
}  # fmt: skip
_AT: dict[str, Callable[..., Any]] = {
    "abs": abs, "ln": mpmath.log, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "cot": mpmath.cot,
    "sec": mpmath.sec, "csc": mpmath.csc, "sinh": mpmath.sinh, "cosh": mpmath.cosh, "tanh": mpmath.tanh,
    "coth": mpmath.coth, "arcsin": mpmath.asin, "arccos": mpmath.acos, "arctan": mpmath.atan, "arccot": mpmath.acot,
    "factorial": mpmath.factorial, "factorial2": mpmath.fac2, "binomial": mpmath.binomial,
}  # fmt: skip
