"""Exact arithmetic: the rational or Gaussian number that a formula's tree is, worked out in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial, gcd, isqrt, lcm

from setwise.matching.trees import Tree

EXACT_BITS = 2**17
"""Exact numbers may have so many bits."""

_Gauss = tuple[Fraction, Fraction]
_ZERO = Fraction(0)


class NoValueError(ValueError):
    """The tree has no value, or none that is found in bounded time."""


@lru_cache(maxsize=2**15)
def exact_value(tree: Tree) -> _Gauss | None:
    """The number, as (real, imaginary), that a tree is by rational arithmetic alone; None if it is no such number."""
    try:
        return _exact(tree)
    except (NoValueError, ArithmeticError, ValueError):
        return None


def _exact(tree: Tree) -> _Gauss:
    if isinstance(tree, Fraction):
        return tree, _ZERO
    kind, *parts = tree
    if tree == ("c", "i"):
        return _ZERO, Fraction(1)
    if kind == "+":
        values = [_exact(part) for part in parts]
        return sum([re for re, _ in values], _ZERO), sum([im for _, im in values], _ZERO)
    if kind == "*":
        product: _Gauss = (Fraction(1), _ZERO)
        for part in parts:
            product = _bounded(_times(product, _exact(part)))
        return product
    if kind == "^":
        return _exact_power(_exact(parts[0]), _real(_exact(parts[1])))
    if kind == "f":
        if parts[0] == "abs":
            re, im = _exact(parts[1])
            return _exact_power((re * re + im * im, _ZERO), Fraction(1, 2))
        if parts[0] in _EXACT:
            return _EXACT[parts[0]](*[_real(_exact(part)) for part in parts[1:]]), _ZERO
    raise NoValueError(kind)


def _times(one: _Gauss, other: _Gauss) -> _Gauss:
    (a, b), (c, d) = one, other
    return (a * c - b * d, a * d + b * c) if b or d else (a * c, _ZERO)


def _bounded(value: _Gauss) -> _Gauss:
    if max(part.numerator.bit_length() + part.denominator.bit_length() for part in value) > EXACT_BITS:
        raise NoValueError("too long")
    return value


def _real(value: _Gauss) -> Fraction:
    if value[1]:
        raise NoValueError("not real")
    return value[0]


def _exact_power(base: _Gauss, exponent: Fraction) -> _Gauss:
    if not any(base):
        if exponent <= 0:
            raise NoValueError("a power of zero")
        return base
    if exponent.denominator != 1:
        root = _root(_real(base), exponent.denominator)
        return _exact_power((root, _ZERO), Fraction(exponent.numerator))
    times = abs(exponent.numerator)
    if max(part.numerator.bit_length() + part.denominator.bit_length() for part in base) * times > EXACT_BITS:
        raise NoValueError("too long")
    if not base[1]:
        return base[0] ** exponent.numerator, _ZERO
    if times > 1000:
        raise NoValueError("too long")
    product: _Gauss = (Fraction(1), _ZERO)
    for _ in range(times):
        product = _times(product, base)
    if exponent > 0:
        return product
    re, im = product
    size = re * re + im * im
    return re / size, -im / size


def _root(value: Fraction, degree: int) -> Fraction:
    """The rational root of a number that is none the less; `NoValueError` where there is none."""
    if value < 0 or degree > 64:
        raise NoValueError("a root of a negative number")
    return Fraction(_whole_root(value.numerator, degree), _whole_root(value.denominator, degree))


def _whole_root(value: int, degree: int) -> int:
    if degree == 2:
        root = isqrt(value)
    else:
        low, high = 0, 1 << (value.bit_length() // degree + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
        root = low
    if root**degree != value:
        raise NoValueError("no rational root")
    return root


def _whole(value: Fraction, limit: int = 8000) -> int:
    if value.denominator != 1 or not 0 <= value <= limit:
        raise NoValueError("no natural number")
    return value.numerator


def _double_factorial(value: Fraction) -> Fraction:
    product = 1
    for factor in range(_whole(value), 1, -2):
        product *= factor
    return Fraction(product)


def _on_integers(function: Callable[..., int]) -> Callable[..., Fraction]:
    def applied(*values: Fraction) -> Fraction:
        if any(value.denominator != 1 for value in values):
            raise NoValueError("no integers")
        return Fraction(function(*[value.numerator for value in values]))

    return applied


def _exact_logarithm(value: Fraction) -> Fraction:
    if value != 1:
        raise NoValueError("no rational logarithm")
    return _ZERO


_EXACT: dict[str, Callable[..., Fraction]] = {
    "factorial": lambda n: Fraction(factorial(_whole(n))),
    "factorial2": _double_factorial,
    "binomial": lambda n, k: Fraction(comb(_whole(n), _whole(k))),
    "floor": lambda x: Fraction(x.numerator // x.denominator),
    "ceiling": lambda x: Fraction(-(-x.numerator // x.denominator)),
    "gcd": _on_integers(gcd),
    "lcm": _on_integers(lcm),
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "sgn": lambda x: Fraction((x > 0) - (x < 0)),
    "ln": _exact_logarithm,
}
