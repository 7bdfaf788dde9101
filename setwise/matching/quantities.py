r"""A number with a unit: where the number ends and the unit begins, money, percentages, degrees and compound measures.

A unit may stand in `\text{}` or plain, behind any white space, after any number; "5 m" may also be the product 5·m. In
plain text only a known unit or the plural of what is counted ("42 apples") is one; in `\text{}` any words that are no
arithmetic. "3 million" is a larger number and "45 percent" is 0.45.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from setwise.matching.units import CURRENCIES, MULTIPLES, Unit, known_unit, plain_unit, text_unit

TAIL_CHARACTERS = 160
"""A unit is looked for in so many characters at the end."""

_TEXT = r"\\(?:text|mathrm|textrm|mbox|operatorname|mathsf|textsf|textnormal)\s*"
_IN_TEXT = re.compile(_TEXT + r"\{((?:[^{}]|\{[^{}]*\})*)\}")
_MULTIPLE = rf"({'|'.join(MULTIPLES)})s?\b"
_MULTIPLE_IN_TEXT = re.compile(rf"\s*{_TEXT}\{{\s*((?:{'|'.join(MULTIPLES)})s?)\b", re.IGNORECASE)
_EMPTY_TEXT = re.compile(_TEXT + r"\{\s*\}")
_MULTIPLIED = re.compile(
    rf"(?<![\w.,/^{{}}\\])(?<!\d )(\d{{1,3}}(?:,\d{{3}})+|\d{{1,40}})(\.\d{{1,40}})?\s+{_MULTIPLE}", re.IGNORECASE
)
_PERCENT = re.compile(
    rf"(?<=[\d}})])\s*(?:{_TEXT}\{{\s*)?(?:\bper\s?cent(?:age)?(?: points?)?|\bpct\b\.?)(?:\s*\}})?\s*\Z", re.IGNORECASE
)
_EXACT = Context(prec=200)
_MONEY = re.compile(
    r"([-+]?)\s*(?:(?:US|AU|CA|HK)?\s*\\?\$|\\(?:pounds|textsterling|euro|texteuro|EUR|yen)(?:\s*\{\})?|[€£¥₹₽₩]"
    r"|\b(?:USD|EUR|GBP|JPY|CNY|INR|CHF)\b)\s*(?=[-+\d.\\(])"
)
_MONEY_COMMANDS = {"pounds": "£", "textsterling": "£", "euro": "€", "texteuro": "€", "EUR": "€", "yen": "¥"}
_MONEY_BEHIND = re.compile(r"(?<=[\d})])\s*(\\?\$|[€£¥₹₽₩¢])\s*\Z")
_TRIGONOMETRY = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc|cis)(?![a-zA-Z])")
_DEGREES = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*")
_UNIT_START = re.compile(
    r"(?:(?<=[\d})!])|(?<=\\pi)|(?<=\s))\s*(?=[^\W\d_]|\\(?:text|mathrm|mathsf|mbox|operatorname|frac|Omega|mu|circ)|[°'(/])"
)
_UNIT_MARKS = (
    (re.compile(r"\\cdot(?![a-zA-Z])|\\times(?![a-zA-Z])"), "*"), (re.compile(r"\\Omega(?![a-zA-Z])"), "Ω"),
    (re.compile(r"\\mu\s*(?![a-zA-Z])|\\mu\s+"), "μ"), (re.compile(r"°\s*([CF])(?![a-zA-Z])"), r"\1"),
    (re.compile(r"°\s*K(?![a-zA-Z])"), "K"), (re.compile(r"°"), " degree "), (re.compile(r"\s+(?=\^)"), ""),
)  # fmt: skip
_FRACTION = re.compile(r"\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_MICRO = re.compile(rf"\\mu\s*{_TEXT}\{{\s*")
_STERLING = re.compile(r"pounds? sterling", re.IGNORECASE)
_OF_STATES = re.compile(r"\b(?:US|U\.S\.|American)\s+(?=dollar|cent)")
_CELSIUS = re.compile(r"degrees?\s+(?:\*\s*)?(celsius|fahrenheit|kelvins?|C|F|K)\b", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"\s*(?:,|and\b)?\s*(\d+(?:\.\d+)?)\s*([^\W\d_]+|°|'')\.?\s*")
_ANGLE = re.compile(r"([-+]?)(?:(\d+(?:\.\d+)?)\s*°\s*)?(?:(\d+(?:\.\d+)?)\s*'\s*)?(?:(\d+(?:\.\d+)?)\s*'')?\s*")


class Measured(NamedTuple):
    """A text cut into number and unit: `number` as text (or as it was added up), how surely the rest is a unit."""

    number: str
    unit: Unit
    is_text: bool = True
    is_spaced: bool = True
    has_word: bool = True


def multiply_out(text: str) -> str:
    r"""Numbers with a multiple in words as one number: "1.5 million" is 1500000; "45 percent" is `45\%`."""
    text = _PERCENT.sub(r"\\%", text)
    if not any(character.isspace() for character in text) and "{" not in text:
        return text
    text = _EMPTY_TEXT.sub("", _MULTIPLE_IN_TEXT.sub(r" \1 \\text{", text))
    before = ""
    while text != before:
        before, text = text, _MULTIPLIED.sub(_multiplied, text)
    return text


def _multiplied(number: re.Match[str]) -> str:
    stated = Decimal(number[1].replace(",", "") + (number[2] or ""))
    product = format(_EXACT.multiply(stated, Decimal(MULTIPLES[number[3].lower()])), "f")
    return product.rstrip("0").rstrip(".") if "." in product else product


def measure(text: str) -> Measured | None:
    """What stands before the unit, and the unit; None where there is no unit."""
    if (money := _money(text)) is not None:
        return money
    if "circ" in text and _TRIGONOMETRY.search(text):  # degrees of an argument, not of the whole
        return None
    text = _DEGREES.sub("°", text)
    return compound(text) or _angle(text) or _split(text)


def _money(text: str) -> Measured | None:
    """A currency before or behind a number; "$50 USD" and "$3 per hour" are left to the number's own unit."""
    if (found := _MONEY.match(text)) is not None:
        sign, rest = found[1], text[found.end() :]
        name = re.sub(r"[\s\\{}]", "", found[0].removeprefix(sign))
        unit = known_unit(CURRENCIES.get(_MONEY_COMMANDS.get(name, name[-1:]), name))
        behind = _split(rest)
        if behind is not None and unit is not None and behind.unit.dimension == unit.dimension:
            rest = behind.number
        return Measured(sign + rest, unit) if unit is not None else None
    if (found := _MONEY_BEHIND.search(text)) is not None:
        mark = found[1].removeprefix("\\")
        unit = known_unit("cent" if mark == "¢" else CURRENCIES[mark])
        return Measured(text[: found.start()], unit) if unit is not None else None
    return None


def _angle(text: str) -> Measured | None:
    """30°15'20'' in degrees."""
    if (found := _ANGLE.fullmatch(text)) is None or not (found[3] or found[4]):
        return None
    if not found[2] and found[3] and found[4] and Fraction(found[4]) < 12:  # 5'6'' is a height
        inches = 12 * Fraction(found[3]) + Fraction(found[4])
        return Measured(f"{found[1]}\\frac{{{inches.numerator}}}{{{inches.denominator}}}", known_unit("in") or Unit())
    degrees = Fraction(found[2] or 0) + Fraction(found[3] or 0) / 60 + Fraction(found[4] or 0) / 3600
    unit = known_unit("degree")
    return Measured(f"{found[1]}\\frac{{{degrees.numerator}}}{{{degrees.denominator}}}", unit) if unit else None


def compound(text: str) -> Measured | None:
    """2 hours 30 minutes, 5 ft 3 in: the sum, in the first unit."""
    plain, position, parts = _IN_TEXT.sub(r" \1 ", text).rstrip(" ."), 0, []
    while (found := _PART.match(plain, position)) is not None:
        unit = known_unit({"°": "degree", "''": "in"}.get(found[2], found[2]))
        if unit is None:
            return None
        parts.append((Fraction(found[1]), unit))
        position = found.end()
    if position < len(plain) or len(parts) < 2 or len({unit.dimension for _, unit in parts}) > 1:
        return None
    factors = [unit.factor for _, unit in parts]
    if sorted(factors, reverse=True) != factors or len(set(factors)) < len(factors):
        return None
    total = sum([number * unit.factor for number, unit in parts], Fraction(0)) / factors[0]
    return Measured(f"\\frac{{{total.numerator}}}{{{total.denominator}}}", parts[0][1])


def _split(text: str) -> Measured | None:
    start = max(1, len(text) - TAIL_CHARACTERS)
    tried = set()
    for found in _UNIT_START.finditer(text, start):
        number, tail = text[: found.start()].rstrip(), text[found.end() :]
        if not number or tail in tried or number[-1] in "^_({[,\\+-*/" or number.endswith((r"\cdot", r"\times")):
            continue
        tried.add(tail)
        is_text = tail.startswith("\\") and _IN_TEXT.match(tail) is not None
        words = _unit_words(tail)
        if words is None or (not is_text and re.search(r"[a-zA-Z]\Z", number) and not number.endswith(r"\pi")):
            continue
        is_spaced = found.end() > found.start() or text[found.start() - 1].isspace()
        is_mark = tail.startswith(("°", r"\frac{\text", r"\frac{\mathrm", r"\Omega", r"\mu"))
        unit = text_unit(words) if is_text else plain_unit(words) if is_spaced or is_mark else known_unit(words)
        if unit is not None:
            letters = _LETTERS.findall(words)
            has_word = any(len(word) > 1 for word in letters) or (len(letters) > 1 and "/" in words)
            return Measured(number, unit, is_text or is_mark, is_spaced, has_word)
    return None


def _unit_words(tail: str) -> str | None:
    """The unit's tail as plain words; None where something else is left in it."""
    tail = _MICRO.sub(r"\\text{μ", tail)
    tail = _IN_TEXT.sub(lambda found: f" {found[1]} ", tail)
    tail = _FRACTION.sub(r" (\1)/(\2) ", tail)
    for pattern, by in _UNIT_MARKS:
        tail = pattern.sub(by, tail)
    tail = _CELSIUS.sub(lambda found: found[1][0].upper(), tail)
    tail = _OF_STATES.sub("", _STERLING.sub("sterling", tail))
    return None if "\\" in tail else " ".join(tail.replace(". ", " ").split()).removesuffix(".")
