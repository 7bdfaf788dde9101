"""The canonical form of a text's characters: one spelling for every character that stands for the same sign.

Unicode's own compatibility form (NFKC, with folded case) does most of it: full-width and ligated letters, Roman numeral
characters, accents composed or not. It loses four things that change a meaning, which are kept here: that a character
is raised (10² is not 102, O⁺ is not O), that one is lowered beside a digit (101₂ is not 1012), where a fraction begins
(1½ is not 11/2), and a zero-width character that belongs to the spelling of a word. And there are four that it keeps
and readers do not: digits of other scripts, the several characters of one sign (− and -, × and x, ≥ and >=),
characters that do not show, and the two letters i of Turkish (case does not count, and I is the capital of both).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from setwise.answers.visible import UNSEEN

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_FRACTION = re.compile(r"(?<=\w)([\u00bc-\u00be\u2150-\u215e\u2189])")
_FINE_SPACE = re.compile("(?<=\\d)[\u00a0\u2007\u2009\u202f](?=\\d{3}(?!\\d))")
"""A space that keeps a number together, before three digits: a separator of thousands."""
_RUN = re.compile(r"([\^_])\{[^{}]*\}(?:\1\{[^{}]*\})+")
_ZERO_WIDTH = re.compile("[\u200c\u200d]")
_UNSEEN = re.compile(f"[{UNSEEN}\u2800]")
_STRAY_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+")
"""Tag characters but for those behind a black flag, which say whose flag it is."""
_ASCII_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SIGNS = {
    **dict.fromkeys("−⁻˗", "-"), **dict.fromkeys("÷⁄∕", "/"), **dict.fromkeys("×✕✖⨯", "x"),
    **dict.fromkeys("∗⋅", "*"), **dict.fromkeys("≤⩽≦", "<="), **dict.fromkeys("≥⩾≧", ">="), "≠": "!=", "∶": ":",
    "♯": "#", "→": "->", "٪": "%", "٫": ".", "٬": ",", "،": ",", "、": ",", "؛": ";", "ı": "i",
}  # fmt: skip
"""Characters that stand for a sign of ASCII, or for a letter."""
_BEFORE_NFKC = {"´": "'", "˚": "°", "º": "°"}
"""What NFKC would make a space or a letter of."""


def canonical(text: str) -> str:
    """The canonical form of the characters of a text.

    A raised run is written `^{…}` and lowered digits `_{…}`, as in LaTeX.
    """
    text = drop_unseen(text)
    if text.isascii():
        return text.lower()
    text = _FINE_SPACE.sub(",", _FRACTION.sub(r" \1", text))
    text = _RUN.sub(_joined_run, "".join([_unfold(one) for one in text]))
    # Folding takes letters apart (İ) and composing may make capitals again: fold, compose, and once more.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).casefold()
    return "".join([_sign(one) for one in text.replace("i\u0307", "i")])


def drop_unseen(text: str) -> str:
    """A text without the characters that do not show; a joiner that spells a word and a flag's letters stay."""
    text = _CONTROLS.sub("", text)
    if text.isascii():
        return text
    text = _ZERO_WIDTH.sub(_zero_width, _STRAY_TAGS.sub("", text))
    return text if text.isprintable() and not _UNSEEN.search(text) else "".join([_seen(one) for one in text])


def plain_marks(text: str) -> str:
    """A canonical text with its dashes as `-` and its other punctuation as `'`, which means nothing inside a word."""
    return text if text.isascii() else "".join([_mark(one) for one in text])


def is_letter(character: str) -> bool:
    """Whether it is a letter or a part of one, such as the vowel signs of Indic scripts."""
    return character.isalpha() or (character > "\x7f" and unicodedata.category(character).startswith("M"))


def _joined_run(run: re.Match[str]) -> str:
    return run[0].replace("}" + run[1] + "{", "")


def _zero_width(found: re.Match[str]) -> str:
    """A joiner or non-joiner where it spells a word: beside a virama; between Arabic letters it parts like a space."""
    text, start = found.string, found.start()
    before, after = text[start - 1 : start], text[start + 1 : start + 2]
    if not before or not after:
        return ""
    if 9 in (unicodedata.combining(before), unicodedata.combining(after)):
        return found[0]
    parts = found[0] == "\u200c" and unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    return " " if parts else ""


@lru_cache(maxsize=4096)
def _unfold(character: str) -> str:
    """A character with what NFKC would forget of it: ² as `^{2}`, ₂ as `_{2}`, ㎡ as `m^{2}`, ™ as `^{TM}`."""
    if character in _BEFORE_NFKC:
        return _BEFORE_NFKC[character]
    kind, *codes = unicodedata.decomposition(character).split() or [""]
    if kind not in ("<super>", "<sub>", "<square>"):
        return character
    inner = "".join([_unfold(chr(int(code, 16))) for code in codes])
    if kind == "<square>":
        return inner
    if kind == "<sub>":
        return f"_{{{inner}}}" if inner.isdecimal() else character
    return character if inner.isalpha() and inner not in ("i", "n", "TM", "SM") else f"^{{{inner}}}"


@lru_cache(maxsize=4096)
def _seen(character: str) -> str:
    if character in "\u200c\u200d" or "\U000e0020" <= character <= "\U000e007f":
        return character  # what is left of these shows in what stands beside them
    if _UNSEEN.match(character) or unicodedata.category(character) in ("Cf", "Cc"):
        return " " if character.isspace() or character == "\u2800" else ""
    return character


@lru_cache(maxsize=4096)
def _sign(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return character


@lru_cache(maxsize=4096)
def _mark(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd":
        return "-"
    is_punctuation = category.startswith("P") and character not in _ASCII_MARKS + "‰‱"
    return "'" if character in "ʻʼʹ®©" or is_punctuation else character
