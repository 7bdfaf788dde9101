"""Estimates as text: one is rounded to what its interval supports, and never shown without it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

Estimate = Mapping[str, Any]
"""`{value, lo, hi}` as in a metrics report; each may be None."""

_NARROW = 0.002
"""Half an interval from which three decimals are enough; four are given to narrower ones."""
_MINUS, _DASH = "\u2212", "\u2013"


def decimals(estimates: Iterable[Estimate]) -> int:
    """Decimals that give half the narrowest interval two significant digits, but at most 3 (4 where it is < 0.002)."""
    halves = [(e["hi"] - e["lo"]) / 2 for e in estimates if e["lo"] is not None and e["hi"] > e["lo"]]
    if not halves:
        return 3
    return min(max(1 - math.floor(math.log10(min(halves))), 0), 3 if min(halves) >= _NARROW else 4)


def number(value: float | None, places: int, sign: bool = False) -> str:
    """A number with `places` decimals and a true minus; a dash where there is none, never "-0.000"."""
    if value is None:
        return _DASH
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


def interval(estimate: Estimate, places: int, sign: bool = False) -> str:
    """The interval as `[lo, hi]`, empty where there is none."""
    if estimate["lo"] is None:
        return ""
    return f"[{number(estimate['lo'], places, sign)}, {number(estimate['hi'], places, sign)}]"


def with_interval(estimate: Estimate, sign: bool = False) -> str:
    """`value [lo, hi]`, rounded to what the interval supports."""
    places = decimals([estimate])
    return f"{number(estimate['value'], places, sign)} {interval(estimate, places, sign)}".rstrip()
