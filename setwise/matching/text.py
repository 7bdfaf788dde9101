r"""Normalised text: SQuAD's normalisation (Rajpurkar et al., arXiv 1606.05250), made safe.

SQuAD lowers the case, drops punctuation and articles and collapses white space. Taken as it is, that makes −5 equal 5,
1.5 equal 15, C++ equal C# and "Hepatitis A" equal "Hepatitis". Here whatever changes the meaning stays. Three steps:

1. characters: one spelling for every character that stands for the same sign (`characters.canonical`);
2. signs: one spelling for what is written with signs: `6,960` is 6960, `x − 1` is `x-1`, `$Ca^{2+}$` is `Ca2+`,
   `3 × 4` is `3*4`, `£5` is `5£`, `50 percent` is `50%`, `R & B` is `R and B`, `J. R. R.` is `J.R.R.`;
3. words: every mark that is left goes, if it means nothing where it stands, or parts two words
   (Jean-Paul is Jean Paul); then the articles go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from setwise.matching.characters import canonical, is_letter, plain_marks
from setwise.matching.gold import Gold, Matched
from setwise.matching.lookup import match_by_lookup
from setwise.matching.words import drop_articles, join_words

MAX_CHARACTERS = 4_000
"""A longer answer is compared by its case and spacing alone: it is no answer in words."""

MAX_ROUNDS = 8

_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_BOXED = re.compile(r"\$*\\boxed\{([^{}]*)\}\$*")
_FONT = re.compile(r"\\(?:mathrm|mathbf|mathit|mathsf|text(?:rm|bf|it)?|operatorname|mbox|ce)\s*\{([^{}]*)\}")
"""A font of LaTeX's, which means nothing."""
_NUMBER = r"[-+]?(?:\d++(?:[.,]\d++)*+|\.\d++)"
_CURRENCY = "[\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20cf\ua838\ufdfc]"
"""Without the dollar sign, which is also how mathematics is set off: $42$ is 42."""
_VARIABLE = r"(?:(?<=\b[x-z])|(?<=\d[^\W\d_]))"
"""Behind x, y, z or a letter with a factor: 2n."""
_Rule = tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]
_NUMBERS: tuple[_Rule, ...] = (
    (",'", re.compile(r"(?<![\d.,'])\d{1,3}(?:[,']\d{3})+(?![,']?\d)"), lambda n: re.sub("[,']", "", n[0])),
    ("", re.compile(rf"(?<!\d)(?:(?<!\d\s)({_CURRENCY})\s+|({_CURRENCY}))({_NUMBER})"), r"\3\1\2"),
    ("", re.compile(rf"(?<=\d)\s+(?={_CURRENCY})"), ""),
    ("+", re.compile(r"(?<![^\s(])\+/?-(?=\.?\d)"), "±"),
    ("x*", re.compile(r"(?<=\d)\s*+[x*]\s*+(?=\d)"), "*"),
    ("%pct", re.compile(r"(?<=\d)(?:\s*+%|[\s-]?(?:per\s?cent|pct)\b)"), "%"),
    ("°g", re.compile(r"(?<=\d)(?:\s*+°|[\s-]?degrees?\b)\s*+"), "°"),
    ("-/*:^", re.compile(r"(?<=\d)\s+([-/*:^])\s+(?=[\d.])"), r"\1"),
    ("<>=", re.compile(r"(?<![\s<>=!])\s*+(!=|[<>=]++)\s*+(?=[-$]*+\.?\d)"), r"\1"),
)
_SIGNS: tuple[_Rule, ...] = (
    ("\\", re.compile(r"\\(?=[%$&#_{}])"), ""),
    ("^", re.compile(r"\^\{[ts]m\}"), ""),  # a trade mark
    ("_", re.compile(r"_\{(\w+)\}(?=\d)"), r"_\1_"),
    ("_", re.compile(r"_\{(\w+)\}"), r"_\1"),
    ("_", re.compile(r"(?<=[^\W\d_])_(?=\d)"), ""),
    ("_", re.compile(r"(?<!\d)_+|_+(?!\d)"), " "),
    ("^", re.compile(r"\^\{(\d*[-+])\}|(?<=[^\W_])\^(\d*[-+])(?!\s*\d|[\w.({√])"), r"\1\2"),  # a charge
    ("^", re.compile(r"\^(?:\{([-+]?\w+)\}|\(([-+]?\w+)\))"), r"^\1\2"),
    ("&", re.compile(r"(?<=[^\W_])\s*+&\s*+(?=[^\W_])"), " and "),
    ("♭", re.compile(r"(?<=\b[a-g])♭"), "b"),
    (".", re.compile(r"(?<=\b[^\W\d_]\.)\s+(?=[^\W\d_]\.)"), ""),  # initials
    (".", re.compile(r"(?<=\b[^\W\d_]\.[^\W\d_]\.)(?=[^\W\d_]{2})"), " "),
    ("+-", re.compile(rf"(?:(?<=\d)|{_VARIABLE})\s+([-+])\s+(?=[x-z]\b|√)|{_VARIABLE}\s+([-+])\s+(?=[\d.])"), r"\1\2"),
    ("+-", re.compile(r"(?<=\d)\s+(\+)\s+(?=[\d.])|(?<=\w)\s+([-+])(?=[.,;:!?'\")\]]*\s*\Z)"), r"\1\2"),
)
"""Step 2, the second half for texts with a digit: characters of which one must be there ("" stands for any outside
ASCII), what is looked for, and how it is written."""
_DIGIT = re.compile("[0-9]")
_QUANTITY = re.compile(r"x ?\d|per ?cent|pct|degree")
"""Of letters, digits and spaces, what a rule of `_NUMBERS` may have to write."""
_OPERAND_BEFORE, _OPERAND_AFTER = re.compile(r"(?:\d|\b[^\W\d_])\s?\Z"), re.compile(r"\s?[-$]*(?:[.√]?\d|[^\W\d_]\b)")
_MARKS = re.compile(r"[!-/:-@\[-`{-~]+")
_OPENERS = "'\"$([{"
_PARTING = set("-/,;:()[]{}|")
_COMPARISON = re.compile(r"!=|[<>=]+")
_BEFORE_NUMBER = re.compile(r"((?:!=|[<>=])*)(-?)[$(]*((?<!\.)\.|)\Z")
_IS_VARIABLE = re.compile(r"(?:(?<![^\W\d_])[xyz]|(?<![^\W_])\d+[^\W\d_])\Z")
_FIRST_A = re.compile(r"[\W_]*(?:(?:the|an)[\W_]+)*a\Z")


def normalise_text(text: str) -> str:
    r"""The normal form of an answer in words; the normal form of a normal form is itself.

    Case, punctuation, articles and spacing don't count. A sign, a decimal point, a fraction bar, an exponent, a charge,
    a comparison, `+`, `#`, `%`, a currency, whatever else stands between digits, accents and a lone letter do: −5 ≠ 5,
    1.5 ≠ 15, 1/2 ≠ 12, 10² ≠ 102, O⁺ ≠ O⁻, C++ ≠ C#, 50% ≠ 50, £100 ≠ $100, "A" ≠ "The", "Hepatitis A" ≠ "Hepatitis".
    A dollar sign is no currency ($42$ is 42). A hyphen between words is a space; between letters and a number neither
    counts ("type-1" is "type 1", "F-16" is "F16"), but for x, y, z and letters with a factor (z-1, 2n-1).
    What is all punctuation stays as it is; empty only for a text that shows nothing.
    """
    if len(text) > MAX_CHARACTERS:  # not remembered, which would fill the memory
        return " ".join(text.casefold().split())
    return _normalise(text)


@lru_cache(maxsize=2**17)
def _normalise(text: str) -> str:
    if _PLAIN.fullmatch(text):
        text = text.lower()
        return join_words(drop_articles(_write(text, _NUMBERS) if _QUANTITY.search(text) else text))
    if boxed := _BOXED.fullmatch(text.strip()):
        text = boxed[1]
    if "\\" in text:
        text = _FONT.sub(r"\1", text)
    characters = " ".join(canonical(text).split())
    return _settle(characters) or characters


def _write(text: str, rules: tuple[_Rule, ...]) -> str:
    there = set(text)
    is_ascii = text.isascii()
    for signs, pattern, by in rules:
        if not there.isdisjoint(signs) or not (signs or is_ascii):
            text = pattern.sub(by, text)
    return text


def _settle(text: str) -> str:
    """Steps 2 and 3 until nothing changes: mostly at once, later where a mark that went hid a sign or an article."""
    for _ in range(MAX_ROUNDS):
        before, text = text, _words(text)
        if text == before:
            break
    return text


def _words(text: str) -> str:
    text = _write(plain_marks(text), _SIGNS)
    if _DIGIT.search(text):
        text = _write(text, _NUMBERS)
    return join_words(drop_articles(" ".join(_MARKS.sub(_significant, text).split())))


def _significant(marks: re.Match[str]) -> str:
    """What a run of punctuation marks means between the characters beside it; mostly nothing."""
    run, text = marks[0], marks.string
    before = text[marks.start() - 1] if marks.start() else " "
    after = text[marks.end()] if marks.end() < len(text) else " "
    if is_letter(before) and is_letter(after) and _hides_article(marks):
        return run
    if before.isdecimal() and after.isdecimal():
        return " " if run == "," else run.replace("$", "") or " "
    if "-" in run and _is_sign(marks, before, after):
        return "-"
    if _COMPARISON.fullmatch(run) and _compares(marks, before, after):
        return f" {run} "
    if run in ("+", "-") and marks.start() and before.isspace() and after.isspace():
        return run if run == "+" or _is_between_operands(marks) else ""
    head = ""
    if before.isalnum() and run[0] in "+#":
        head = run[: len(run) - len(run.lstrip("+#"))]
    elif before.isdecimal() and run[0] == "%":
        head = "%"
    elif before.isalnum() and run[0] == "^" and after.isalnum():
        return run
    if run[len(head) :].endswith("#") and after.isalnum():
        return head + "#"
    return head + _before(run[len(head) :], marks, before, after)


def _hides_article(marks: re.Match[str]) -> bool:
    """Whether a word would be an article without its marks, and go: "t.he ford" is not "ford"."""
    text = marks.string
    word = (
        text[max(0, marks.start() - 8) : marks.start()].split(" ")[-1]
        + text[marks.end() : marks.end() + 8].split(" ")[0]
    )
    return "".join(filter(str.isalnum, word)) in ("the", "an")


def _before(run: str, marks: re.Match[str], before: str, after: str) -> str:
    """What the rest of a run means for what follows it: a number's comparison, sign and point; a word's beginning."""
    text = marks.string
    if not after.isdecimal():
        if is_letter(before) and is_letter(after):
            return " " if _PARTING.intersection(run) and not {"<", ">"}.intersection(run) else ""
        # "A. Smith" is not "Smith": the mark stays to say that this A is no article.
        named = before == "a" and after.isspace() and _FIRST_A.match(text, max(0, marks.start() - 60), marks.start())
        return "." if named and run else ""
    comparison, sign, point = _BEFORE_NUMBER.search(run).groups()  # type: ignore[union-attr]
    if is_letter(before) and not comparison:
        exponent = before == "e" and marks.start() > 1 and text[marks.start() - 2].isdecimal()
        return sign if exponent else ""
    return str(comparison + sign + ("0." if point else ""))


def _is_sign(marks: re.Match[str], before: str, after: str) -> bool:
    """Whether the `-` of a run of marks is a sign where no number shows it: −√2, −x, x−1, A−; not in F-16, Jean-Luc."""
    run, text, end = marks[0], marks.string, marks.end()
    is_lone = is_letter(after) and not text[end + 1 : end + 2].isalnum()
    if not before.isalnum():
        return run.strip(_OPENERS) == "-" and not is_letter(before) and (after in "√∞π" or is_lone)
    if not is_letter(after) and not after.isalnum() and after not in "√∞":
        return run == "-" or (run[0] == "-" and end == len(text) and not run.strip("-.,;:!?'\")]"))
    is_variable = _IS_VARIABLE.search(text, max(0, marks.start() - 12), marks.start()) is not None
    follows = after in "√∞π" or (is_lone and after in "xyz") or (is_variable and after.isdecimal())
    return run == "-" and follows and (is_variable or before.isdecimal())


def _compares(marks: re.Match[str], before: str, after: str) -> bool:
    """Whether a comparison stands between two things, with a space on either side or between operands."""
    if before.isspace() and after.isspace():
        return marks.start() > 0 and marks.end() < len(marks.string)
    if not before.isalnum() or not is_letter(after):
        return False
    return "=" in marks[0] or _is_between_operands(marks)


def _is_between_operands(marks: re.Match[str]) -> bool:
    """Whether a mark has a digit or a lone letter on either side: a − b, n − 1."""
    text = marks.string
    left = _OPERAND_BEFORE.search(text[max(0, marks.start() - 3) : marks.start()])
    return left is not None and _OPERAND_AFTER.match(text, marks.end()) is not None


def match_text(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """Match answers in words by their normalised text."""
    return match_by_lookup(sets, golds, normalise_text)
