r"""The grammar of one scalar: LaTeX → a tree (`trees`).

What has no plain reading raises `ForeignError` (a notation for the library to read) or `UnreadableError` (no formula).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from setwise.matching.arithmetic import exact_value
from setwise.matching.notation import FUNCTIONS
from setwise.matching.numerals import spell_out_numerals
from setwise.matching.trees import (
    DEGREE,
    ForeignError,
    Tree,
    UnreadableError,
    add,
    divide,
    multiply,
    negate,
    power,
    sort_key,
)

MAX_DEPTH = 60


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+|\d+\.(?!\d))|(?P<command>\\[a-zA-Z]+)|(?P<escaped>\\.)|(?P<letter>[a-zA-Z])"
    r"|(?P<mark>[-+*/^_(){}\[\]|!,':=<>%]))"
)
_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar",
}  # fmt: skip
_NAMED = set(FUNCTIONS) - {"log", "lg", "ln", "exp", "det", "gcd", "lcm", "max", "min"}
_WORDED = {"gcd", "lcm", "max", "min"}
_TIMES = ("*", r"\cdot", r"\times")
_BRACKETS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_MAYBE_FUNCTIONS = "fghFGHP"


@lru_cache(maxsize=2**14)
def read_formula(latex: str) -> Tree:
    """The tree of one scalar."""
    text = spell_out_numerals(latex)
    reader = _Reader(_tokens(text))
    try:
        tree = reader.sum(0)
    except RecursionError as error:
        raise UnreadableError("too deep") from error
    reader.end()
    return tree


def _tokens(latex: str) -> list[tuple[str, str]]:
    """(kind, text) of each token."""
    tokens, position, latex = [], 0, latex.rstrip()
    while position < len(latex):
        if (found := _TOKEN.match(latex, position)) is None:
            raise UnreadableError(latex[position : position + 1])
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind]))
        position = found.end()
    return tokens


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._next = 0
        self._bars = 0
        self._letters = {text for kind, text in tokens if kind == "letter"}

    def end(self) -> None:
        """Nothing may be left."""
        if self._kind() != "end":
            raise self._refuse()

    def _refuse(self) -> UnreadableError:
        kind, text = self._tokens[self._next]
        return ForeignError(text) if kind in ("command", "escaped") else UnreadableError(text)

    def _kind(self) -> str:
        return self._tokens[self._next][0]

    def _text(self, ahead: int = 0) -> str:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)][1]

    def _take(self, text: str | None = None) -> str:
        if text is not None and self._text() != text:
            raise self._refuse()
        self._next += 1
        return self._tokens[self._next - 1][1]

    def sum(self, depth: int) -> Tree:
        """Terms and signs."""
        if depth > MAX_DEPTH:
            raise UnreadableError("too deep")
        terms = [self._product(depth)]
        while self._text() in ("+", "-"):
            sign = self._take()
            term = self._product(depth)
            terms.append(term if sign == "+" else negate(term))
        return add(*terms)

    def _product(self, depth: int) -> Tree:
        factors = [self._factors(depth)]
        while self._text() in _TIMES or self._text() == "/":
            sign = self._take()
            factor = self._factors(depth)
            factors.append(divide(Fraction(1), factor) if sign == "/" else factor)
        return multiply(*factors)

    def _factors(self, depth: int) -> Tree:
        """Factors side by side; they bind closer than a fraction bar."""
        if self._text() in ("+", "-"):
            return self._factors(depth) if self._take() == "+" else negate(self._factors(depth))
        factors = [self._mixed(depth) if self._kind() == "number" else self._postfixed(depth)]
        while self._starts_factor() or (self._kind() == "number" and self._text(-1) == "!"):
            factors.append(self._postfixed(depth))
        return multiply(*factors)

    def _starts_factor(self) -> bool:
        kind, text = self._kind(), self._text()
        if text == "|":
            return self._bars == 0
        if kind == "command":
            return (text not in _TIMES and not text.startswith((r"\r", r"\le", r"\ge", r"\ne", r"\in"))) or text in (
                r"\rho", r"\infty", r"\lfloor", r"\lceil"
            )  # fmt: skip
        return kind == "letter" or text in ("(", "{", "[")

    def _mixed(self, depth: int) -> Tree:
        r"""A number; with a plain fraction behind it, `1\frac{1}{2}` or `1 1/2`, a mixed number."""
        start = self._next
        whole = self._text()
        if whole.isdecimal():
            self._next += 1
            if self._text() == r"\frac" and (found := self._plain_fraction(depth)) is not None:
                return self._percent(add(Fraction(whole), found))
            if self._kind() == "number" and self._text(1) == "/" and self._tokens[self._next + 2][0] == "number":
                above, below = self._text(), self._text(2)
                if above.isdecimal() and below.isdecimal() and int(below):
                    self._next += 3
                    return self._percent(Fraction(whole) + Fraction(int(above), int(below)))
            self._next = start
        return self._postfixed(depth)

    def _plain_fraction(self, depth: int) -> Fraction | None:
        start = self._next
        found = self._atom(depth)
        if isinstance(found, Fraction) and 0 < found < 1 and self._text() != "^":
            return found
        self._next = start
        return None

    def _percent(self, number: Tree) -> Tree:
        if self._text() not in ("%", r"\%"):
            return number
        self._take()
        return multiply(number, Fraction(1, 100))

    def _postfixed(self, depth: int) -> Tree:
        value = self._atom(depth)
        while True:
            text = self._text()
            if text == "!":
                self._take()
                double = self._text() == "!" and self._take()
                value = ("f", "factorial2" if double else "factorial", value)
            elif text == "^" and self._text(1) == r"\circ":
                self._next += 2
                value = multiply(value, DEGREE)
            elif text == "^":
                self._take()
                value = power(value, self._exponent(depth))
            elif text == "%" or text == r"\%":
                self._take()
                value = multiply(value, Fraction(1, 100))
            elif text == "'":
                raise ForeignError("a prime")
            else:
                return value

    def _exponent(self, depth: int) -> Tree:
        if self._text() in ("+", "-"):
            return self._exponent(depth) if self._take() == "+" else negate(self._exponent(depth))
        if self._kind() == "mark" and self._text() not in ("{", "("):
            raise self._refuse()
        exponent = self._atom(depth)
        if self._text() == "^":
            self._take()
            return power(exponent, self._exponent(depth))
        return exponent

    def _argument(self, depth: int) -> Tree:
        r"""One argument of `\frac` and its like: a group, or one digit or letter."""
        kind, text = self._tokens[self._next]
        if text == "{":
            return self._group(depth)
        if kind == "number" and text.isdecimal():
            self._tokens[self._next] = (kind, text[1:])
            self._next += len(text) == 1
            return Fraction(text[0])
        return self._atom(depth)

    def _group(self, depth: int) -> Tree:
        closes = _BRACKETS[self._take()]
        value, bars, self._bars = None, self._bars, 0
        value = self.sum(depth + 1)
        self._take(closes)
        self._bars = bars
        return value

    def _atom(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise UnreadableError("too deep")
        kind, text = self._tokens[self._next]
        if kind == "number":
            self._take()
            if self._kind() == "number":
                raise UnreadableError("two numbers side by side")
            if self._text() == "_":
                raise ForeignError("a number with an index")
            return Fraction(text)
        if kind == "letter":
            return self._letter()
        if text == "|":
            return self._absolute(depth)
        if kind == "mark" and text not in ("(", "[", "{"):
            raise self._refuse()
        if text in (r"\lfloor", r"\lceil"):
            return ("f", "floor" if text == r"\lfloor" else "ceiling", self._group(depth))
        if text in _BRACKETS and text != r"\{":
            return self._group(depth)
        return self._command(depth)

    def _letter(self) -> Tree:
        letter = self._take()
        previous = self._tokens[self._next - 2] if self._next > 1 else ("", "")
        if letter == "e" and self._text() not in ("_", "'"):
            return ("c", "e")
        is_j = letter == "j" and self._letters == {"j"} and previous[0] == "number"
        if (letter == "i" or is_j) and self._text() not in ("_", "'"):
            return ("c", "i")
        if letter in _MAYBE_FUNCTIONS and self._text() == "(":
            raise ForeignError("a function of its own")
        return self._indexed(letter)

    def _indexed(self, name: str) -> Tree:
        if self._text() == "'":
            self._take()
            return self._indexed(name + "'")
        if self._text() != "_":
            return ("s", name)
        self._take()
        if self._kind() == "end":
            raise UnreadableError("an index that is missing")
        if self._text() != "{":
            return ("s", f"{name}_{self._take()}")
        self._take()
        index = []
        while self._text() not in ("}", ""):
            index.append(self._take())
        self._take("}")
        return ("s", f"{name}_{''.join(index)}")

    def _absolute(self, depth: int) -> Tree:
        self._take("|")
        self._bars += 1
        value = self.sum(depth + 1)
        self._take("|")
        self._bars -= 1
        return ("f", "abs", value)

    def _command(self, depth: int) -> Tree:
        name = self._take()[1:]
        if name in ("pi", "infty"):
            return ("c", "pi" if name == "pi" else "oo")
        if name == "frac":
            above = self._argument(depth + 1)
            return divide(above, self._argument(depth + 1))
        if name == "binom":
            above = self._argument(depth + 1)
            return ("f", "binomial", above, self._argument(depth + 1))
        if name == "sqrt":
            return self._root(depth)
        if name in ("overline", "bar") and self._text() == "{":
            return _conjugate(self._group(depth))
        if name in ("exp", "log", "ln", "lg") or name in _NAMED:
            return self._function(name, depth)
        if name in _WORDED:
            return self._several(name, depth)
        if name in _GREEK:
            return self._indexed("\\" + name)
        self._next -= 1
        raise self._refuse()

    def _root(self, depth: int) -> Tree:
        index: Tree = Fraction(2)
        if self._text() == "[":
            index = self._group(depth)
        radicand = self._argument(depth + 1)
        if isinstance(radicand, Fraction) and radicand < 0 and index in (3, 5, 7, 9):
            return negate(power(-radicand, divide(Fraction(1), index)))
        return power(radicand, divide(Fraction(1), index))

    def _function(self, name: str, depth: int) -> Tree:
        base = exponent = None
        while self._text() in ("_", "^"):
            if self._take() == "_":
                base = self._argument(depth + 1)
            else:
                exponent = self._exponent(depth)
        value = self._applied(name, base, self._function_argument(depth))
        if exponent is None:
            return value
        if exponent == -1 and name in _NAMED:
            if name not in ("sin", "cos", "tan", "cot"):
                raise ForeignError("an inverse function")
            return ("f", f"arc{name}", value[2])
        return power(value, exponent)

    @staticmethod
    def _applied(name: str, base: Tree | None, argument: Tree) -> Tree:
        if name == "exp":
            return power(("c", "e"), argument)
        if name == "lg":
            base = Fraction(10)
        elif name in ("log", "ln"):
            name = "ln"
        elif base is not None:
            raise ForeignError("a function with an index")
        if name == "cis":
            return add(("f", "cos", argument), multiply(("c", "i"), ("f", "sin", argument)))
        logarithm = ("f", "ln" if name == "lg" else name, argument)
        return logarithm if base is None else divide(logarithm, ("f", "ln", base))

    def _function_argument(self, depth: int) -> Tree:
        r"""In brackets, or the factors up to the next sign or function: sin 2x cos x is sin(2x)·cos(x)."""
        if self._text() in ("(", "[", "{", "|"):
            start = self._next
            value = self._atom(depth + 1)
            if self._tokens[start][1] != "{" or self._text() not in ("^", "!"):
                return value
            self._next = start
        if self._text() in ("+", "-"):
            is_negative = self._take() == "-"
            argument = self._function_argument(depth + 1)
            return negate(argument) if is_negative else argument
        value = self._postfixed(depth + 1)
        while self._starts_factor() and self._text() != "(" and self._text()[1:] not in FUNCTIONS:
            value = multiply(value, self._postfixed(depth + 1))
        return value

    def _several(self, name: str, depth: int) -> Tree:
        opener = self._take()
        if opener not in ("(", "{", r"\{"):
            raise ForeignError(name)
        values = [self.sum(depth + 1)]
        while self._text() == ",":
            self._take()
            values.append(self.sum(depth + 1))
        self._take(_BRACKETS[opener])
        return ("f", name, *sorted(values, key=sort_key))


def _conjugate(tree: Tree) -> Tree:
    """The conjugate of a complex number; what else a bar means is not ours."""
    value = exact_value(tree)
    if value is None or not value[1]:
        raise ForeignError("a bar")
    return add(value[0], multiply(-value[1], ("c", "i")))
