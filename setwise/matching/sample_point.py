r"""The value of a simple LaTeX expression with numbers put in for its letters.

Two expressions whose values differ are different: most wrong answers need no algebra. Only what has one plain reading
is evaluated (numbers, letters, + − · / ^, `\frac`, `\sqrt`, `\pi`, brackets); anything else has no value here and is
left to the algebra, as are expressions whose values agree.
"""

from __future__ import annotations

import math
import re

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<command>\\(?:frac|sqrt|cdot|times|pi)(?![a-zA-Z]))"
    r"|(?P<letter>[a-df-hj-zA-DF-HJ-Z])|(?P<mark>[-+*/^(){}]))"
)
_CANCELLED = 1e-9
_TIMES = ("*", r"\cdot", r"\times")


class _NoPlainReadingError(ValueError):
    """The expression is not in the subset, could be read in two ways, or is worth too little beside its terms."""


def value_at_sample_point(latex: str) -> complex | None:
    """The value of `latex` where each letter stands for a fixed number; None where it has no plain reading."""
    try:
        value = _Reader(_tokens(latex)).read_all()
    except (_NoPlainReadingError, ArithmeticError, ValueError, RecursionError):
        return None
    return value if math.isfinite(value.real) and math.isfinite(value.imag) else None


def _tokens(latex: str) -> list[tuple[str, str]]:
    """(kind, text) of each token."""
    tokens, position = [], 0
    while position < len(latex):
        if (found := _TOKEN.match(latex, position)) is None:
            raise _NoPlainReadingError(latex[position])
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind]))
        position = found.end()
    return tokens


class _Reader:
    """Reads and evaluates in one pass (recursive descent)."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._next = 0

    def read_all(self) -> complex:
        value = self._sum()
        if self._kind() != "end":
            raise _NoPlainReadingError(self._text())
        return value

    def _kind(self) -> str:
        return self._tokens[self._next][0]

    def _text(self) -> str:
        return self._tokens[self._next][1]

    def _take(self, text: str | None = None) -> str:
        if text is not None and self._text() != text:
            raise _NoPlainReadingError(self._text())
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _sum(self) -> complex:
        value = self._product()
        while self._text() in ("+", "-"):
            before, sign = value, 1 if self._take() == "+" else -1
            value = before + sign * self._product()
            if abs(value) < _CANCELLED * abs(before):  # what is left is mostly rounding
                raise _NoPlainReadingError("a difference of nearly equal numbers")
        return value

    def _product(self) -> complex:
        value, divided = self._signed(), False
        while True:
            if self._text() in _TIMES:
                self._take()
                value *= self._signed()
            elif self._text() == "/":
                self._take()
                divided = True
                value /= self._signed()
            elif self._kind() in ("letter", "command") or self._text() in ("(", "{"):
                if divided:  # 1/2x could be 1/(2x)
                    raise _NoPlainReadingError(self._text())
                value *= self._power()
            else:
                return value

    def _signed(self) -> complex:
        if self._text() in ("+", "-"):
            return self._signed() if self._take() == "+" else -self._signed()
        return self._power()

    def _power(self) -> complex:
        base = self._atom()
        if self._text() != "^":
            return base
        self._take()
        if self._text() == "{":
            exponent = self._braced()
        elif self._kind() == "letter" or (self._kind() == "number" and len(self._text()) == 1):
            exponent = self._atom()
        else:
            raise _NoPlainReadingError(self._text())
        if self._text() == "^" or abs(exponent) > 1000:
            raise _NoPlainReadingError(self._text())
        return base**exponent

    def _atom(self) -> complex:
        kind, text = self._kind(), self._take()
        if kind == "number":
            if self._text() == r"\frac":  # 1\frac{1}{2} is a mixed number
                raise _NoPlainReadingError(text)
            return complex(float(text))
        if kind == "letter":
            if self._text() == "(":  # f(x) may be a function
                raise _NoPlainReadingError(text)
            return complex(0.7 + (ord(text) * 7919 % 1009) / 613)
        if text == r"\pi":
            return complex(math.pi)
        if text == r"\frac":
            return self._braced() / self._braced()
        if text == r"\sqrt":
            return self._braced() ** 0.5
        if text in ("(", "{"):
            value = self._sum()
            self._take(")" if text == "(" else "}")
            return value
        raise _NoPlainReadingError(text)

    def _braced(self) -> complex:
        self._take("{")
        value = self._sum()
        self._take("}")
        return value
