r"""Other dialects of writing mathematics as plain LaTeX: siunitx, plain TeX, combinations, powers and roots in words.

Each rule says the same thing in the spelling that `notation` goes on with; none decides what it is worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = r"(?:\{\s*(\d{1,4})\s*\}|(\d{1,4}))"
_UPRIGHT = r"\\(?:text|mathrm|textrm|mbox|rm)\s*"
_BEFORE_NAME = r"(?<![\\a-zA-Z])"
_AT_END = r"(?![a-zA-Z])"
_ORDINAL_POWERS = {"second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6"}
_SI_PREFIXES = "|".join(
    [
        "kilo", "mega", "giga", "tera", "peta", "hecto", "deci", "centi", "milli", "micro", "nano", "pico", "femto",
    ]
)  # fmt: skip
_SI_PREFIX = re.compile(rf"\\({_SI_PREFIXES}){_AT_END}\s*\\?")
_SI_NAMES = {"celsius": "celsius", "degreeCelsius": "celsius", "percent": "percent", "square": "square ", "of": ""}
_SI = re.compile(r"\\(?:SI|qty)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_SI_UNIT = re.compile(r"\\(?:si|unit)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_MATRIX = re.compile(r"\\([pbvB]?matrix)\s*(?=\{)")
_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _si_unit(words: str) -> str:
    r"""`\kilo\gram\per\second\squared` in words."""
    words = _SI_PREFIX.sub(r" \1", words)
    return re.sub(r"\\([a-zA-Z]+)", lambda name: f" {_SI_NAMES.get(name[1], name[1])} ", words).replace(".", " ")


def _choose(found: re.Match[str]) -> str:
    above, below = (found[1] or found[2]), (found[4] or found[5])
    if found[3] == "C":
        return rf"\binom{{{above}}}{{{below}}}"
    return rf"\frac{{{above}!}}{{({above}-{below})!}}"


_RULES: tuple[_Rule, ...] = (
    (re.compile(r"\\num\s*\{([^{}]*)\}"), r"\1"),
    (_SI, lambda found: rf"{found[1]} \text{{{_si_unit(found[2])}}}"),
    (_SI_UNIT, lambda found: rf"\text{{{_si_unit(found[1])}}}"),
    (re.compile(r"\{\s*\\(?:rm|sf)(?![a-zA-Z])\s*((?:[^{}]|\{[^{}]*\})*)\}"), r"\\mathrm{\1}"),
    (re.compile(r"\\(?:rm|sf)\s*\{"), r"\\mathrm{"),
    (re.compile(r"\\mathit\s*\{\s*([a-zA-Z]{2,})\s*\}"), r"\\mathrm{\1}"),
    (re.compile(r"\\(?:boxed|fbox|underline)\s*(?=\{)"), ""),
    (re.compile(r"\\(?:s|nice|x|slant)frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(rf"(?<![\w}})\]])\^\s*{_NUMBER}\s*/\s*_\s*{_NUMBER}"), r"\\frac{\1\2}{\3\4}"),
    (re.compile(rf"{_UPRIGHT}\{{\s*(\\\$|[€£¥₹])\s*\}}"), r"\1"),
    (re.compile(rf"(?:{_UPRIGHT}\{{\s*)?\\textdollar\s*(?:\{{\s*\}})?\s*\}}?"), r"\\$"),
    (re.compile(r"\ARs\.?\s*(?=\d)"), "₹"),
    (re.compile(rf"{_UPRIGHT}\{{\s*\\?%\s*\}}"), r"\\%"),
    (re.compile(r"(?<=[$€£])(\s*[\d.,]+)\s*(?:M|mn)\Z"), r"\1 million"),
    (re.compile(r"(?<=[$€£])(\s*[\d.,]+)\s*(?:B|bn)\Z"), r"\1 billion"),
    (re.compile(rf"(?<=\d)\s*\^\s*(?:\{{\s*o\s*\}}|o(?![a-zA-Z])|\{{?\s*{_UPRIGHT}\{{\s*o\s*\}}\s*\}}?)"), r"^\\circ "),
    (re.compile(r"light[ -]years?"), "ly"),
    (re.compile(r"astronomical units?"), "au"),
    (re.compile(r"electron[ -]?volts?"), "eV"),
    (re.compile(rf"{_UPRIGHT}\{{\s*([kMGmn])\s*\}}\s*\\Omega{_AT_END}"), r"\\text{\1Ω}"),
    (re.compile(r"_\s*\\text\s*\{\s*([a-z]+)\s*\}"), r"_{\1}"),
    (re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))"), r"\\times "),
    (re.compile(r"(?<![\w.])\d{1,3}(?:_\d{3})+(?!\w)"), lambda found: found[0].replace("_", "")),
    (re.compile(r"(?<!\d)\+/-"), r"\\pm "),
    (re.compile(rf"{_BEFORE_NAME}C\s*_\s*{_NUMBER}\s*\^\s*{_NUMBER}"), r"\\binom{\1\2}{\3\4}"),
    (re.compile(rf"(?:\{{\s*\}})?[_^]\s*{_NUMBER}\s*([CP])\s*_\s*{_NUMBER}"), _choose),
    (re.compile(r"\\overrightarrow\s*\{"), r"\\vec{"),
    (re.compile(rf"(?:\\(?:operatorname|text|mathrm)\s*\{{\s*cis\s*\}}|{_BEFORE_NAME}cis{_AT_END})"), r"\\cis "),
    (re.compile(r"(?<=[\d}])\s*\\angle\s*(?=\(?-?[\d\\(.])"), r" \\cis "),
    (re.compile(rf"{_BEFORE_NAME}(?:the )?square root of (\d+|[a-z])(?![\w.])"), r"\\sqrt{\1}"),
    (re.compile(rf"{_BEFORE_NAME}(?:the )?cube root of (\d+|[a-z])(?![\w.])"), r"\\sqrt[3]{\1}"),
    (re.compile(r"(?<=[\d)}])\s+to the power (?:of )?(-?\d+)(?![\w.])"), r"^{\1}"),
    (re.compile(r"(?<=[\d)}])\s+to the (\d+)(?:st|nd|rd|th)(?: power)?(?![\w.])"), r"^{\1}"),
    (
        re.compile(rf"(?<=[\d)}}])\s+to the ({'|'.join(_ORDINAL_POWERS)})(?: power)?(?![\w.])"),
        lambda found: f"^{_ORDINAL_POWERS[found[1]]}",
    ),
    (re.compile(r"\A([a-z]|\d+)\s+squared\Z"), r"\1^2"),
    (re.compile(r"\A([a-z]|\d+)\s+cubed\Z"), r"\1^3"),
    (re.compile(r"(?<![\w.])(\d*\.)(\d+)\s+repeating\Z"), r"\1\\overline{\2}"),
    (
        re.compile(rf"(?<=\d)\s*(?:\^\s*)?(?:\{{\s*)?(?:{_UPRIGHT}\{{\s*)?(?:st|nd|rd|th)\s*\}}{{0,2}}\Z"),
        r"\\text{ th}",
    ),
)


def plain_dialect(text: str) -> str:
    """The text without the notations of packages and words for which plain LaTeX has its own."""
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return _plain_matrices(text) if "matrix" in text else text


def _plain_matrices(text: str) -> str:
    r"""Plain TeX's `\pmatrix{a & b \cr c & d}` as an environment."""
    position = 0
    while (found := _MATRIX.search(text, position)) is not None:
        end = _closing_brace(text, found.end())
        if end < 0:
            return text
        body = text[found.end() + 1 : end]
        text = f"{text[: found.start()]}\\begin{{{found[1]}}}{body}\\end{{{found[1]}}}{text[end + 1 :]}"
        position = found.end()
    return text


def _closing_brace(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index
    return -1
