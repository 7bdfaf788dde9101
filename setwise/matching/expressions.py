r"""What is written as a mathematical answer → one LaTeX expression, its unit, and its value where it is a plain number.

Gold and answers go through the same preparation. `\boxed{}`, dollar signs and other wrappers go, plain-text notation
(`sqrt(2)`, `x^10`, `1e-5`, `π`, `1 1/2`) becomes LaTeX, and words are told from mathematics, because a computer algebra
system reads "even" as the product e·v·e·n.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from setwise.matching.sample_point import value_at_sample_point
from setwise.matching.text import normalise_text
from setwise.matching.units import multiply_out, plain_unit, text_unit

MAX_CHARACTERS = 2000
"""A longer answer is compared as text."""

_WRAPPERS = (
    (r"\(", r"\)"), (r"\[", r"\]"), ("$$", "$$"), ("$", "$"), (r"\boxed{", "}"), (r"\fbox{", "}"),
    (r"\text{", "}"), (r"\mathrm{", "}"), (r"\textbf{", "}"), (r"\mathbf{", "}"), ("**", "**"),
)  # fmt: skip
_SYMBOLS = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/",
        "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "±": r"\pm ", "∈": r"\in ",
        "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ",
        "°": r"^\circ ", "′": "'",
    }
)  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_FUNCTIONS = "sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp|pi|infty|min|max|gcd|lcm"
_OPENS = re.compile(r"(?:[(\[,]|\\\{)\s*[-+]?\s*\Z")
_CLOSES = re.compile(r"\s*(?:[)\]]|\\\})")


def _join_thousands(number: re.Match[str]) -> str:
    """1,234 as one number, but as it is where it ends a bracket: the last entries of a point, an interval or a set."""
    is_last = _CLOSES.match(number.string, number.end())
    return number[0] if is_last and _OPENS.search(number.string[: number.start()]) else number[0].replace(",", "")


_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\[,;!: ]|\\quad|\\qquad|~"), " "),
    (re.compile(r"\\left|\\right(?!arrow)|\\displaystyle|\\d?limits"), ""),
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (re.compile(r"(?<=\d)(?:\{,\}| )(?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])"), _join_thousands),
    (re.compile(r"(?<![\d.])(\d{1,12}) (\d{1,12})/(\d{1,12})(?![\d.])"), r"(\1+\\frac{\2}{\3})"),
    (re.compile(r"(?<=\d)[eE]([+-]?\d{1,4})(?![\d.])"), r"\\times 10^{\1}"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\^\s*([+-]?\d{2,}|[+-]\s*[\da-zA-Z])"), r"^{\1}"),
    (re.compile(rf"(?<![\\a-zA-Z])({_FUNCTIONS})(?![a-zA-Z])"), r"\\\1 "),
    (re.compile(r"(?<![\\a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])"), r"\\infty "),
    (re.compile(r"(?<![\\a-zA-Z])(?:degrees?|deg)(?![a-zA-Z])"), r"^\\circ "),
    (re.compile(r"^(.+?)\s*\\?%$"), r"\\frac{\1}{100}"),
)
_EMPTY_SET = re.compile(r"\\varnothing|\\?\{\s*\\?\}|∅")
_UNIT = re.compile(
    r"(?s)^(.*[\d})])\s*(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*)([a-zA-Z][a-zA-Z ./]*)\s*\}(\^\{?[23]\}?)?$"
)
_PLAIN_UNIT = re.compile(r"(?s)^(.*[\d})])\s+([^\W\d_](?:[^\W\d_]|[ ./*]|\^\{?[23]\}?)*)$")
_PROSE = re.compile(r"(?s)^.*[\d})]\s+([a-zA-Z][a-zA-Z ,.;:'-]*)$")
_SYMBOL = re.compile(rf"{_FUNCTIONS}|sqrt|infinity|inf|oo|or|and|[a-zA-Z]{{1,2}}|[abcd]+|[pqr]+|[wxyz]+")
"""What a run of letters in a formula may be: a name of mathematics, or a product of letters."""
_SPACE = re.compile(r" (?![a-zA-Z0-9.])|(?<![a-zA-Z0-9.]) ")
"""White space that separates nothing: not two words or numbers."""
_ONE_IN_BRACES = re.compile(r"\^\{([0-9a-zA-Z])\}(?![0-9])")
_NO_BRACES = str.maketrans("", "", "{}")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_MATHS = re.compile(r"[\d+*/^=<>|{}\[\]\\]|\w\s*-\s*\w")
_NUMBER = re.compile(r"([+-]?) ?(\d{1,40})?(\.\d{1,40})?(?: ?/ ?(\d{1,40}))?")
_FRAC = re.compile(r"([+-]?)\\frac\s*(?:\{([+-]?\d{1,40})\}|(\d))\s*(?:\{(\d{1,40})\}|(\d))")


class Expression(NamedTuple):
    """A prepared answer.

    Attributes:
        latex: the expression, without unit; for words, their normalised text.
        is_words: it is no mathematics and is compared as text.
        unit: the unit; empty if none is stated.
        value: the number it is, where it is one plain number; else None.
        is_exact: the value is an integer or a fraction, not a decimal that may be rounded.
        sample: what it is worth with numbers put in for its letters (`sample_point`); None if that can't be said.
        measured: the same read as a number with a unit, where both readings are possible ("5 m"): it holds beside an
            answer that states a unit, the reading as a product beside any other.
    """

    latex: str
    is_words: bool = False
    unit: str = ""
    value: Fraction | None = None
    is_exact: bool = True
    sample: complex | None = None
    measured: Expression | None = None


@lru_cache(maxsize=2**16)
def prepare(answer: str) -> Expression:
    """Prepare a gold alias or an answer for comparison."""
    text = _unwrap(answer) if len(answer) <= MAX_CHARACTERS else answer
    if len(text) > MAX_CHARACTERS or _is_words(text):
        return Expression(normalise_text(text), is_words=True)
    text = multiply_out(text)
    number, unit = _split_unit(text)
    if not unit and (_is_prose(text) or _UNIT.match(text)):
        return Expression(normalise_text(text), is_words=True)
    if not unit or _names_a_unit(text):
        return _read(number, unit)
    measured = _read(number, unit)
    return _read(text)._replace(measured=measured if measured.value is not None else None)


def _read(text: str, unit: str = "") -> Expression:
    latex = _to_latex(text)
    value, is_exact = _value(latex)
    return Expression(latex, False, unit, value, is_exact, value_at_sample_point(latex))


def _split_unit(text: str) -> tuple[str, str]:
    """What stands before the unit, and the unit; the whole text and nothing where there is none."""
    if (found := _UNIT.match(text)) and (unit := text_unit(found[2], (found[3] or "").translate(_NO_BRACES))):
        return found[1], unit
    if (found := _PLAIN_UNIT.match(text)) and (unit := plain_unit(found[2])):
        return found[1], unit
    return text, ""


def _names_a_unit(text: str) -> bool:
    r"""Whether the unit a text ends in is in `\text{}` or has a word, and is not only letters that may be variables."""
    found = _PLAIN_UNIT.match(text)
    return found is None or _WORD.search(found[2]) is not None


def _is_prose(text: str) -> bool:
    """Whether a number is followed by words that are neither a unit nor mathematics."""
    found = _PROSE.match(text)
    return found is not None and not all(_SYMBOL.fullmatch(word) for word in re.findall("[a-zA-Z]+", found[1]))


def _unwrap(text: str) -> str:
    """Strip white space, a final full stop and wrappers that span the whole text."""
    text = text.strip()
    while True:
        before = text
        text = text.rstrip(".").strip() if not text.endswith("..") else text
        for left, right in _WRAPPERS:
            if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right) - 1:
                inner = text[len(left) : len(text) - len(right)]
                if _is_whole(inner, left, right):
                    text = inner.strip()
        if text == before:
            return text


def _is_whole(inner: str, left: str, right: str) -> bool:
    """Whether the wrapper's right end closes its left end: no `$` in between, braces balanced."""
    if right != "}":
        return left not in inner and right not in inner
    depth = 0
    for character in inner:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def _is_words(text: str) -> bool:
    """Whether the text is words: letters in runs, and nothing that makes it a formula."""
    bare = _COMMAND.sub(" ", text)
    words = [word for word in _WORD.findall(bare) if not re.fullmatch(_FUNCTIONS + "|sqrt|infinity|inf|oo", word)]
    shows = any(character.isalnum() or character == "∞" for character in text) or _EMPTY_SET.fullmatch(text)
    return (bool(words) and not _MATHS.search(text)) or not shows


def _to_latex(text: str) -> str:
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda run: "^{" + run[0].translate(_SUPERSCRIPTS) + "}", text)
    text = unicodedata.normalize("NFKC", re.sub("([\u00bc-\u00be\u2150-\u215e])", r" \1", text)).translate(_SYMBOLS)
    text = _braced_calls(text.replace("$", " ").strip())
    if _EMPTY_SET.fullmatch(text):
        return r"\emptyset"
    for pattern, by in _REWRITES:
        text = pattern.sub(by, text)
    return _ONE_IN_BRACES.sub(r"^\1", _SPACE.sub("", " ".join(text.split())))


def _braced_calls(text: str) -> str:
    r"""`sqrt(…)`, `√(…)`, `√2` → `\sqrt{…}` and `^(…)` → `^{…}`, where the brackets balance."""
    text = re.sub(r"√\s*(\d+|[a-zA-Z])", r"\\sqrt{\1}", text)
    pieces, position = [], 0
    for call in re.finditer(r"(?:(?<![\\a-zA-Z])sqrt|√|\^)\s*\(", text):
        if call.start() < position or (end := _closing(text, call.end())) < 0:
            continue
        name = "^" if text[call.start()] == "^" else r"\sqrt"
        pieces += [text[position : call.start()], name, "{", _braced_calls(text[call.end() : end]), "}"]
        position = end + 1
    return "".join([*pieces, text[position:]])


def _closing(text: str, position: int) -> int:
    depth = 1
    for index in range(position, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return index
    return -1


def _value(latex: str) -> tuple[Fraction | None, bool]:
    if (frac := _FRAC.fullmatch(latex)) is not None:
        sign, wide, narrow, below, below_narrow = frac.groups()
        return _ratio(sign, wide or narrow, int(below or below_narrow)), True
    if (number := _NUMBER.fullmatch(latex)) is None or not (number[2] or number[3]):
        return None, True
    sign, whole, decimals, below = number.groups()
    return _ratio(sign, (whole or "0") + (decimals or ""), int(below or 1)), decimals is None


def _ratio(sign: str, above: str, below: int) -> Fraction | None:
    if below == 0:
        return None
    return (-1 if sign == "-" else 1) * Fraction(above) / below
