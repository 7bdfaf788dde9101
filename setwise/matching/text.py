"""Normalised text: SQuAD's normalisation (Rajpurkar et al., arXiv 1606.05250), made safe.

SQuAD lowers the case, drops punctuation and articles and collapses white space. Taken as it is, that makes −5 equal 5,
1.5 equal 15, C++ equal C# and "Hepatitis A" equal "Hepatitis". Here whatever changes the meaning stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from setwise.matching.gold import Gold, Matched
from setwise.matching.lookup import match_by_lookup

_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_BOXED = re.compile(r"\$*\\boxed\{([^{}]*)\}\$*")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_VULGAR_FRACTION = re.compile(r"(?<=\w)([\u00bc-\u00be\u2150-\u215e\u2189])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_SPACED = re.compile(r"(?<=\d)\s+([-/*:^])\s+(?=[\d.])|(?<![\s<>=])\s*+([<>=]++)\s*+(?=[-$]*+\.?\d)")
_OPERATOR = re.compile(
    r"(?:(?<=\d)|(?<=\b[xy])|(?<=\d[xy]))\s+([-+])\s+(?=[xy]\b|√)|(?:(?<=\b[xy])|(?<=\d[xy]))\s+([-+])\s+(?=[\d.])"
    r"|(?<=\d)\s+(\+)\s+(?=[\d.])|(?<=\w)\s+([-+])(?=[.,;:!?'\")\]]*\s*\Z)"
)
"""The spaces around a sign between numbers or letters of a formula, and before one at the end."""
_OPERAND_BEFORE, _OPERAND_AFTER = re.compile(r"(?:\d|\b[^\W\d_])\s\Z"), re.compile(r"\s[-$]*(?:[.√]?\d|[^\W\d_]\b)")
_MARKS = re.compile(r"[!-/:-@\[-`{-~]+")
_OPENERS = "'\"$([{"
_KEYS = {"minor", "major", "flat", "sharp", "positive", "negative"}
_OF_KEYS = _KEYS | {"scale", "chord", "key", "sonata", "concerto", "symphony", "blood"}
_BEFORE_NUMBER = re.compile(r"([<>=]*)(-?)[$(]*((?<!\.)\.|)\Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_MARK_CHARACTERS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@lru_cache(maxsize=2**17)
def normalise_text(text: str) -> str:
    r"""The normal form of an answer in words.

    Case, punctuation, articles and spacing don't count. A sign, a decimal point, a fraction bar, an exponent, a
    comparison, `+`, `#`, whatever else stands between digits and a lone letter do: −5 ≠ 5, 1.5 ≠ 15, 1/2 ≠ 12,
    10² ≠ 102, C++ ≠ C#, "A" ≠ "The", "Hepatitis A" ≠ "Hepatitis". So do the signs of −√2, −∞, −x, x − 1 and "O −", but
    no hyphen or dash in a name ("F-16" is "F16"). A thousands separator does not count: 6,960 = 6960.
    Never empty for a text that shows anything: what is all punctuation stays as it is.
    """
    if _PLAIN.fullmatch(text):
        return _drop_articles(text.lower())
    if boxed := _BOXED.fullmatch(text.strip()):
        text = boxed[1]
    composed = _compose(text).strip()
    tight = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), composed)
    tight = _SPACED.sub(r"\1\2", tight)
    if "+" in tight or "-" in tight:
        tight = _OPERATOR.sub(lambda sign: sign[0].strip(), tight)
    words = " ".join(_MARKS.sub(_significant, _drop_articles(tight)).split())
    return words or " ".join(composed.split()) or text.strip()


def _compose(text: str) -> str:
    """Folded case and NFKC, but ½ stays a fraction (1½ is `1 1/2`) and ² an exponent; other marks become ASCII."""
    if text.isascii():
        return _CONTROLS.sub("", text).lower().replace("_", " ")
    text = _SUPERSCRIPT_RUN.sub(lambda run: "^" + run[0].translate(_SUPERSCRIPTS), text)
    text = _VULGAR_FRACTION.sub(r" \1", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    return text if text.isascii() else "".join([_to_ascii_mark(character) for character in text])


@lru_cache(maxsize=4096)
def _to_ascii_mark(character: str) -> str:
    """A dash as `-`, a currency as `$`, other punctuation as an apostrophe, invisible characters as nothing."""
    if character == "\N{MINUS SIGN}":
        return "-"
    if character in "⁄∕÷":
        return "/"
    if character == "×":
        return "*"
    category = unicodedata.category(character)
    if category == "Pd":
        return "-"
    if category in ("Cf", "Cc"):
        return " " if character.isspace() else ""
    if category == "Sc":
        return "$"
    return "'" if category.startswith("P") and not character.isascii() else character


def _drop_articles(text: str) -> str:
    """Drop `the` and `an` before another word, and `a` where a text begins with it as an article."""
    if "a " not in text and "the" not in text and "an" not in text:
        return text
    tokens = text.split()
    kept: list[str] = []
    for i, (token, following) in enumerate(zip(tokens, [*tokens[1:], ""], strict=True)):
        if token.strip(_MARK_CHARACTERS) in ("the", "an") and following:
            continue
        if (
            token.lstrip(_MARK_CHARACTERS) == "a"
            and not kept
            and len(following.strip(_MARK_CHARACTERS)) > 1
            and following not in ("and", "or")
            and not _names_a(tokens[i + 1 : i + 3])
        ):
            continue
        kept.append(token)
    return " ".join(kept)


def _names_a(following: list[str]) -> bool:
    """Whether the words after an A show that it is a name: A 380, A minor, A flat major; not "a major city"."""
    words = [word.strip(_MARK_CHARACTERS) for word in following]
    return (words[0].isdecimal() and len(words) == 1) or (words[0] in _KEYS and _OF_KEYS.issuperset(words[1:]))


def _significant(marks: re.Match[str]) -> str:
    """What a run of punctuation marks means between the characters beside it; mostly nothing."""
    run, text = marks[0], marks.string
    before = text[marks.start() - 1] if marks.start() else " "
    after = text[marks.end()] if marks.end() < len(text) else " "
    if before.isdecimal() and after.isdecimal():
        return " " if run == "," else run.replace("$", "") or " "
    head = ""
    if "-" in run and _is_sign(marks, before, after):
        return "-"
    if run in ("+", "-") and marks.start() and before.isspace() and after.isspace():
        return run if run == "+" or _is_between_operands(marks) else ""
    if before.isalnum() and run[0] in "+#":
        head = run[: len(run) - len(run.lstrip("+#"))]
    elif before.isalnum() and run[0] == "^" and after.isalnum():
        return run
    if run[len(head) :].endswith("#") and after.isalnum():
        return head + "#"
    if not after.isdecimal():
        return head
    comparison, sign, point = _BEFORE_NUMBER.search(run, len(head)).groups()  # type: ignore[union-attr]
    if before.isalpha() and not comparison:
        exponent = before == "e" and marks.start() > 1 and text[marks.start() - 2].isdecimal()
        return head + (sign if exponent else "")
    return head + comparison + sign + ("0." if point else "")


def _is_sign(marks: re.Match[str], before: str, after: str) -> bool:
    """Whether the `-` of a run of marks is a sign where no number shows it: −√2, −x, x−1, A−; not in F-16, Jean-Luc."""
    run, text, end = marks[0], marks.string, marks.end()
    is_letter = after.isalpha() and not text[end + 1 : end + 2].isalnum()
    if not before.isalnum():
        return run.strip(_OPENERS) == "-" and (after in "√∞π" or is_letter)
    if not after.isalnum() and after not in "√∞":
        return run == "-" or (run[0] == "-" and end == len(text) and not run.strip("-.,;:!?'\")]"))
    is_variable = before in "xy" and not text[max(0, marks.start() - 2) : marks.start() - 1].isalpha()
    follows = after in "√∞π" or (is_letter and after in "xy") or (is_variable and after.isdecimal())
    return run == "-" and follows and (is_variable or before.isdecimal())


def _is_between_operands(marks: re.Match[str]) -> bool:
    """Whether a mark with spaces around it has a digit or a lone letter on either side: a − b, n − 1."""
    text = marks.string
    left = _OPERAND_BEFORE.search(text[max(0, marks.start() - 3) : marks.start()])
    return left is not None and _OPERAND_AFTER.match(text, marks.end()) is not None


def match_text(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """Match answers in words by their normalised text."""
    return match_by_lookup(sets, golds, normalise_text)
