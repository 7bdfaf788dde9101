"""One worker of the math pool, run as a script: one pair of expressions in (JSON line), one verdict out.

An expression is a tree as `equality` writes it, or LaTeX that `math-verify` reads. It imports nothing of setwise, so
that it starts the same wherever setwise was imported from. A check that takes too much processor time ends the worker
by SIGPROF, one that takes too long by the clock by SIGALRM (no Python or C code of the check can catch either), even if
its parent is gone by then.

Equal is only what is proved, different only what is seen to differ with digits to spare; anything else is undecided.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

MEMORY_BYTES = 4 * 2**30
DIGITS = 1000
"""Numbers that agree to so many digits are not seen to differ."""


def main() -> None:
    """Answer requests from standard input until it ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    seconds, wall_seconds = float(sys.argv[1]), float(sys.argv[2])
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _parse("x")
    _reply(replies, {"ready": True})
    for line in sys.stdin:
        gold, answer = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, wall_seconds)
        verdict = _compare(gold, answer)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, verdict)


def _reply(replies: Any, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _compare(gold: str, answer: str) -> dict[str, Any]:
    try:
        equal = _equal(gold, answer)
    except (Exception, RecursionError, MemoryError) as error:  # noqa: BLE001 - whatever the algebra raises is a verdict
        return {"error": type(error).__name__}
    return {"equal": equal}


def _equal(gold: str, answer: str) -> bool | None:
    import sympy

    one, other = _read(gold), _read(answer)
    if one is None or other is None:  # what nobody can read is no number; of two such texts nothing is known
        return None if one is other else False
    relations = {value[0] for value in (one, other) if isinstance(value, tuple)}
    if relations & {"=", "<", "\\le"}:
        return _proportional(one, other) if len(relations) == 1 and isinstance(one, tuple) else False
    half = max((value[2] for value in (one, other) if isinstance(value, tuple)), default=None)
    one, other = (value[1] if isinstance(value, tuple) else value for value in (one, other))
    if not (isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr)):
        return _by_library(one, other)
    one, other = _done(one), _done(other)
    if half is not None:
        return bool(abs(sympy.N(one - other, 50)) <= half)
    return _is_zero(one - other)


def _done(expression: Any) -> Any:
    """Integrals, sums and limits worked out; letters positive, so that roots and logarithms simplify."""
    import sympy

    expression = expression.doit()
    names = {s: sympy.Symbol(s.name, positive=True) for s in expression.free_symbols if not s.is_positive}
    return expression.subs(names)


def _is_zero(difference: Any) -> bool | None:
    """Whether a difference is zero, if that can be proved or refuted."""
    import sympy

    if difference.is_zero:
        return True
    if not difference.free_symbols:
        return _number_is_zero(difference)
    for simplify in (sympy.expand, sympy.cancel, sympy.simplify, lambda d: sympy.simplify(sympy.expand_log(d))):
        difference = simplify(difference)
        if difference == 0:
            return True
    equal = difference.equals(0)
    return None if equal is None else bool(equal)


def _number_is_zero(number: Any) -> bool | None:
    import sympy
    from sympy.core.evalf import PrecisionExhausted

    if number.has(sympy.oo, -sympy.oo, sympy.zoo, sympy.nan):
        return None
    for part in number.as_real_imag() if number.has(sympy.I) else (number,):
        with contextlib.suppress(PrecisionExhausted):
            if sympy.sympify(part).evalf(15, maxn=DIGITS, strict=True) != 0:
                return False
    for simplify in (sympy.expand, sympy.radsimp, sympy.simplify, sympy.expand_func):
        number = simplify(number)
        if number == 0:
            return True
    if number.is_algebraic:
        return bool(sympy.minimal_polynomial(number, sympy.Symbol("x")) == sympy.Symbol("x"))
    return True if number.equals(0) else None


def _proportional(one: Any, other: Any) -> bool | None:
    """Whether two equations say the same: one difference is the other times a number (a positive one, if not `=`)."""
    import sympy

    quotient = sympy.simplify(sympy.cancel(_done(one[1]) / _done(other[1])))
    if quotient.free_symbols:
        return False if quotient.is_rational_function() else None
    return bool(quotient.is_positive) if one[0] != "=" else bool(quotient.is_nonzero)


def _by_library(one: Any, other: Any) -> bool | None:
    """What is no plain expression (a matrix product, a set of the library's own): equal if it says so both ways."""
    from math_verify import verify

    if one == other:
        return True
    found = {bool(verify(a, b, timeout_seconds=None, raise_on_error=True)) for a, b in ((one, other), (other, one))}
    return False if found == {False} else None


def _read(text: str) -> Any:
    """A sympy expression, or a tuple with how it is meant; None if the text is no expression."""
    if not text.startswith("["):
        parsed = [value for value in _parse(text) if not isinstance(value, str)]
        return parsed[0] if parsed else None
    tree = json.loads(text)
    if tree[0] in ("=", "<", "\\le"):
        return tree[0], _build(tree[1])
    if tree[0] == "~":
        return "~", _build(tree[1]), _build(tree[2])
    return _build(tree)


def _build(tree: Any) -> Any:
    """The sympy expression of a tree."""
    import sympy

    kind, *parts = tree
    if kind == "n":
        above, below = parts[0].split("/")
        return sympy.Rational(int(above, 16), int(below, 16))
    if kind == "s":
        return sympy.Symbol(parts[0], positive=True)
    if kind == "c":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}[parts[0]]
    if kind == "f":
        return _functions()[parts[0]](*[_build(part) for part in parts[1:]])
    values = [_build(part) for part in parts]
    return {"+": sympy.Add, "*": sympy.Mul, "^": sympy.Pow}[kind](*values)


@lru_cache(maxsize=1)
def _functions() -> dict[str, Any]:
    import sympy

    named = (
        "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "factorial", "factorial2", "binomial",
        "floor", "ceiling", "gcd", "lcm",
    )  # fmt: skip
    found = {name: getattr(sympy, name) for name in named}
    found |= {f"arc{name}": getattr(sympy, f"a{name}") for name in ("sin", "cos", "tan", "cot")}
    return found | {"ln": sympy.log, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min, "sgn": sympy.sign}


@lru_cache(maxsize=4096)
def _parse(latex: str) -> tuple[Any, ...]:
    """The expression, or nothing if the text is none. Only the LaTeX grammar: the other one evaluates Python."""
    from math_verify import LatexExtractionConfig, parse

    config = [LatexExtractionConfig()]
    return tuple(parse(f"${latex}$", config, fallback_mode="no_fallback", parsing_timeout=None))


if __name__ == "__main__":
    main()
