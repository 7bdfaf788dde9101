"""The words of a normalised text: which articles go, and which words are written apart or together as one likes."""

from __future__ import annotations

import re
from itertools import pairwise

_KEYS = {"minor", "major", "flat", "sharp", "positive", "negative"}
_OF_KEYS = _KEYS | {"scale", "chord", "key", "sonata", "concerto", "symphony", "blood"}
_SIGNS = "+-#^%<>=."
_PREFIXES = {
    "anti", "co", "hyper", "hypo", "inter", "intra", "macro", "micro", "mid", "multi", "neo", "non", "poly", "post",
    "pre", "pseudo", "re", "semi", "sub", "super", "trans", "ultra",
}  # fmt: skip
"""Prefixes that are written with a hyphen, apart or together as one likes."""
_INITIALS = re.compile(r"(?<!\S)(?:[^\W\d_] ){2,}+")


def drop_articles(text: str) -> str:
    """Drop `the` and `an` before another word, and `a` where a text begins with it as an article."""
    if "a " not in text and "the" not in text and "an" not in text:
        return text
    tokens = text.split()
    kept: list[str] = []
    for i, (token, following) in enumerate(zip(tokens, [*tokens[1:], ""], strict=True)):
        if token in ("the", "an") and following:
            continue
        if (
            token == "a"
            and not kept
            and len(following.strip(_SIGNS)) > 1
            and following not in ("and", "or")
            and not _names_a(tokens[i + 1 : i + 3])
        ):
            continue
        kept.append(token)
    return " ".join(kept)


def join_words(text: str) -> str:
    """Write together what may be written apart: initials before a name, a prefix and its word, letters and a number.

    >>> join_words("j r r tolkien"), join_words("non hodgkin"), join_words("type 1")
    ('jrr tolkien', 'nonhodgkin', 'type1')
    """
    if " " not in text:
        return text
    words = text.split(" ")
    if [word for word in words if len(word) == 1]:
        words = _INITIALS.sub(_join_initials, text).split(" ")
    joined = words[0]
    for before, word in pairwise(words):
        joined += word if _are_one(before, word) else " " + word
    return joined


def _join_initials(letters: re.Match[str]) -> str:
    """The initials in front of a word: J R R Tolkien; not the letters of "x y", whose space may count."""
    is_name = letters.string[letters.end() : letters.end() + 2].isalpha() and len(letters.string) > letters.end() + 1
    return letters[0].replace(" ", "") + " " if is_name else letters[0]


def _are_one(before: str, word: str) -> bool:
    """Whether no space counts between two words: a prefix and its word, letters and a number, but for x, y, z, 2n."""
    last, first = before[-1], word[0]
    if first.isdecimal():
        stem = before[-2:-1]
        is_variable = stem.isdecimal() or (last in "xyz" and not stem.isalpha())
        return last.isalpha() and not is_variable
    if last.isdecimal():
        return first.isalpha()
    return before in _PREFIXES and len(word) > 1 and word[:2].isalpha()


def _names_a(following: list[str]) -> bool:
    """Whether the words after an A show that it is a name: A 380, A minor, A flat major; not "a major city"."""
    return (following[0].isdecimal() and len(following) == 1) or (
        following[0] in _KEYS and _OF_KEYS.issuperset(following[1:])
    )
