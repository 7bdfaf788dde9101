"""Times of day: `10:15` is a quarter past ten, not the ratio 2 : 3."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

_HALF = r"(?P<half>[ap]\.?\s?m\b\.?|noon|midnight|o'?clock|h|hrs?|hours)"
_CLOCK = re.compile(
    rf"(?P<hour>\d{{1,2}})(?P<colon>[:.])(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d(?:\.\d+)?))?\s*{_HALF}?",
    re.IGNORECASE,
)
_HOUR = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap]\.?\s?m\b\.?|o'?clock|noon|midnight)", re.IGNORECASE)
_NAMED = {"noon": "12 noon", "midday": "12 noon", "midnight": "12 midnight"}
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|mbox)\s*\{([^{}]*)\}")


class Time(NamedTuple):
    """A time of day as it is written: the hour, the seconds behind it, and `am`, `pm` or nothing.

    Written without a half it is read by the 24-hour clock; 3:30 beside 3:30 pm is the same hour as it is written.
    """

    hour: int
    seconds: Fraction
    half: str = ""

    def of_day(self) -> Fraction:
        """Seconds since midnight by the 24-hour clock."""
        hour = self.hour if not self.half else self.hour % 12 + 12 * (self.half == "pm")
        return hour % 24 * 3600 + self.seconds

    def is_same(self, other: Time) -> bool:
        """Whether both are one time; a half must agree if both state one."""
        if self.of_day() == other.of_day():
            return True
        states_one = bool(self.half) != bool(other.half)
        return states_one and (self.hour, self.seconds) == (other.hour, other.seconds)


def read_time(text: str) -> Time | None:
    """The time of day that a cleaned text is; None if it is something else."""
    text = " ".join(_TEXT.sub(r" \1 ", text).split()).strip()
    text = _NAMED.get(text.lower(), text)
    found = _CLOCK.fullmatch(text)
    if found is not None and found["colon"] == "." and (found["half"] or "x")[0].lower() not in "ap":
        return None
    if found is None:
        found = _HOUR.fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    half = re.sub(r"[^a-z]", "", (parts["half"] or "").lower())
    half = {"noon": "pm", "midnight": "am"}.get(half, half if half in ("am", "pm") else "")
    hour = int(parts["hour"])
    if hour > (12 if half else 24) or (half and not hour):
        return None
    return Time(hour, 60 * int(parts.get("minute") or 0) + Fraction(parts.get("second") or 0), half)
