"""Numbers written in words: "twenty-five" is 25, "two thirds" is 2/3; and words that say that a set is empty."""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: number for number, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip
_MAX_WORDS = 12
_NOTHING = re.compile(
    r"(?:the |an )?(?:empty|null) set|(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?|such \w+)(?: exists?)?",
    re.IGNORECASE,
)


def number_in_words(text: str) -> Fraction | None:
    """The number that a text in words is; None if it is something else."""
    words = text.lower().replace("-", " ").split()
    if not 0 < len(words) <= _MAX_WORDS:
        return None
    part = words[-1] if words[-1] in _PARTS else words[-1].removesuffix("s")
    if part in _PARTS and len(words) > 1:
        count = Fraction(1) if words[:-1] == ["a"] else _whole(words[:-1])
        return None if count is None else count / _PARTS[part]
    return _whole(words)


def says_nothing_is(text: str) -> bool:
    """Whether words say that there is no solution: the empty set."""
    return _NOTHING.fullmatch(text.strip(" .")) is not None


def _whole(words: list[str]) -> Fraction | None:
    total, group, last = 0, 0, 100
    for index, word in enumerate(words):
        if word == "and" and 0 < index < len(words) - 1:
            continue
        small = _SMALL.get(word)
        if small is not None and small < last and not (last < 20) and (last > 90 or small < 10):
            group, last = group + small, small if small >= 20 else 1
        elif word == "hundred" and 0 < group < 100:
            group, last = 100 * group, 100
        elif word in _LARGE and group:
            total, group, last = total + _LARGE[word] * group, 0, 100
        else:
            return None
    return Fraction(total + group)
