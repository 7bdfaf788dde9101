r"""Numerals that are not plain decimals: `0.\overline{3}`, `0.333…`, `1011_2`, `0x1F` → the fractions they are."""

from __future__ import annotations

import re
from fractions import Fraction

from setwise.matching.trees import UnreadableError

_REPEATED = re.compile(
    r"(?<![\w.])(\d+)\.(\d*)(?:\\(?:overline|bar)\s*(?:\{\s*(\d+)\s*\}|(\d))|\((\d+)\)|((?:\\dot\s*\{?\d\}?\d*)+))(?!\d)"
)
_ELLIPSIS = re.compile(r"(?<![\w.])(\d+)\.(\d+)\s*\\ldots")
_IN_BASE = re.compile(
    r"(?<![\w.\\])(?:\(\s*([0-9A-Za-z]+)\s*\)|([0-9][0-9A-Fa-f]*|[A-F][0-9A-F]*))\s*_\s*"
    r"(?:\{\s*(?:\\text\s*\{\s*)?(\w+)\s*\}?\s*\}|([2-9]))"
)
_PREFIXED = re.compile(r"(?<![\w.\\])0([xXbBoO])([0-9a-fA-F]+)(?!\w)")
_BASE_NAMES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "sixteen": 16, "bin": 2, "oct": 8, "dec": 10, "hex": 16, "b": 2, "h": 16, "d": 10,
}  # fmt: skip


def spell_out_numerals(text: str) -> str:
    r"""The text with repeating decimals and numerals of other bases as fractions."""
    text = _REPEATED.sub(_repeating, text)
    text = _ELLIPSIS.sub(_ellipsis, text)
    text = _PREFIXED.sub(lambda found: str(_numeral(found[2], {"x": 16, "b": 2, "o": 8}[found[1].lower()])), text)
    return _IN_BASE.sub(_in_base, text)


def _repeating(found: re.Match[str]) -> str:
    whole, fixed, braced, single, bracketed, dotted = found.groups()
    if dotted:
        first, last = dotted.find(r"\dot"), dotted.rfind(r"\dot")
        digits = re.sub(r"\D", "", dotted)
        if re.search(r"\d\Z", dotted.rstrip("}")) is None or (first == last and len(digits) > 1):
            return found[0]
    else:
        digits = braced or single or bracketed
    return _fraction_text(_repeat(whole, fixed, digits))


def _repeat(whole: str, fixed: str, digits: str) -> Fraction:
    return Fraction(int(whole + fixed)) / 10 ** len(fixed) + Fraction(
        int(digits), 10 ** len(fixed) * (10 ** len(digits) - 1)
    )


def _ellipsis(found: re.Match[str]) -> str:
    """0.333… and 0.1232323…: what is repeated at the end, at least three digits and two times, goes on for ever."""
    whole, decimals = found[1], found[2][:60]
    for size in range(1, len(decimals) // 2 + 1):
        block = decimals[-size:]
        times = 1
        while decimals[: len(decimals) - size * times].endswith(block):
            times += 1
        if times >= 2 and size * times >= 3:
            return _fraction_text(_repeat(whole, decimals[: len(decimals) - size * times], block))
    raise UnreadableError("decimals that do not say how they go on")


def _in_base(found: re.Match[str]) -> str:
    digits, name = found[1] or found[2], found[3] or found[4]
    base = int(name) if name.isdecimal() and len(name) < 3 else _BASE_NAMES.get(name.lower(), 0)
    value = _numeral(digits, base)
    return found[0] if value is None or not (digits[0].isdecimal() or base > 10) else f"({value})"


def _numeral(digits: str, base: int) -> int | None:
    try:
        return int(digits, base) if 2 <= base <= 36 else None
    except ValueError as error:
        if base and not digits.isalpha():
            raise UnreadableError(f"{digits} is no number in base {base}") from error
        return None


def _fraction_text(value: Fraction) -> str:
    return rf"(\frac{{{value.numerator}}}{{{value.denominator}}})"
