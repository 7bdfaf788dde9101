"""Trees: what a formula says, so that equal spellings are equal.

A tree is a `Fraction`, or a tuple: `("s", letter)`, `("c", constant)`, `("+", …)`, `("*", …)`, `("^", base, exponent)`,
`("f", function, …)`. Sums and products are flat and sorted, numbers in them are added up; nothing else is simplified.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Tree = Any
"""`Fraction` or a nested tuple, as above."""

MAX_EXPONENT_BITS = 4096


class UnreadableError(ValueError):
    """The text is no formula."""


class ForeignError(UnreadableError):
    """The formula uses a notation that is not ours."""


def sort_key(tree: Tree) -> str:
    """What terms and factors are sorted by (hexadecimal: long numbers have no decimal text)."""
    if isinstance(tree, Fraction):
        return f"{tree.numerator:x}/{tree.denominator:x}"
    return tree if isinstance(tree, str) else "(" + " ".join([sort_key(part) for part in tree]) + ")"


def add(*terms: Tree) -> Tree:
    """The sum, flat, sorted, numbers added up."""
    constant, rest = Fraction(0), []
    for term in terms:
        for part in term[1:] if isinstance(term, tuple) and term[0] == "+" else (term,):
            if isinstance(part, Fraction):
                constant += part
            else:
                rest.append(part)
    parts = ([constant] if constant or not rest else []) + sorted(rest, key=sort_key)
    return parts[0] if len(parts) == 1 else ("+", *parts)


def multiply(*factors: Tree) -> Tree:
    """The product, flat, sorted, numbers multiplied."""
    constant, rest = Fraction(1), []
    for factor in factors:
        for part in factor[1:] if isinstance(factor, tuple) and factor[0] == "*" else (factor,):
            if isinstance(part, Fraction):
                constant *= part
            else:
                rest.append(part)
    parts = ([constant] if constant != 1 or not rest else []) + sorted(rest, key=sort_key)
    return parts[0] if len(parts) == 1 else ("*", *parts)


def power(base: Tree, exponent: Tree) -> Tree:
    """The power; worked out for a fraction to a small whole number."""
    if exponent == 1:
        return base
    if not isinstance(exponent, Fraction) or exponent.denominator != 1:
        return ("^", base, exponent)
    if isinstance(base, tuple) and base[0] == "^" and isinstance(base[2], Fraction):
        return power(base[1], base[2] * exponent)  # (b^e)^n is b^(e n) for whole n, whatever b is
    if isinstance(base, Fraction):
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent.numerator)
        if bits <= MAX_EXPONENT_BITS and (base or exponent > 0):
            return base**exponent.numerator
    return ("^", base, exponent)


def divide(above: Tree, below: Tree) -> Tree:
    """The quotient, as a product with a power."""
    if below == 0:
        raise ForeignError("a division by zero")
    return multiply(above, power(below, Fraction(-1)))


def negate(tree: Tree) -> Tree:
    """The tree with its sign changed."""
    return multiply(Fraction(-1), tree)


DEGREE = multiply(Fraction(1, 180), ("c", "pi"))
