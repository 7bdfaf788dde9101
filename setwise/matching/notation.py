r"""One spelling for the many ways of writing mathematics: what `clean` returns is plain LaTeX on one line.

Invisible and bidirectional characters go, digits of any script and typographic signs become ASCII or a command, LaTeX's
spacing, sizes and fonts go, and plain-text notation (`sqrt(2)`, `x**10`, `1e-5`, `2²`) becomes LaTeX. A row break `\\`
stays what it is, whatever follows it. What stands in `\text{}` is left to those who read units and words.
"""

from __future__ import annotations

import re
import unicodedata

from setwise.matching.dialects import plain_dialect

WRAPPERS = (
    (r"\(", r"\)"), (r"\[", r"\]"), ("$$", "$$"), ("$", "$"), (r"\boxed{", "}"), (r"\fbox{", "}"),
    (r"\text{", "}"), (r"\mathrm{", "}"), (r"\textbf{", "}"), (r"\mathbf{", "}"), (r"\mbox{", "}"), ("**", "**"),
    (r"\underline{", "}"), (r"\ensuremath{", "}"), (r"\textrm{", "}"), (r"\textit{", "}"), (r"\boldsymbol{", "}"),
    ("`", "`"), ('"', '"'), ("“", "”"), (r"\begin{equation}", r"\end{equation}"),
    (r"\begin{equation*}", r"\end{equation*}"), (r"\begin{align*}", r"\end{align*}"),
)  # fmt: skip
FUNCTIONS = (
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "arccot", "sinh", "cosh", "tanh", "coth",
    "log", "ln", "lg", "exp", "cis", "gcd", "lcm", "max", "min", "det", "sgn",
)  # fmt: skip
_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore),? )?(?:the |my )?(?:(?:final|correct) )?"
    r"answer(?: is(?!\s+not\b)| ?=|(?= ?:))\s*:?\s*"
    r"|####\s*|(?:=|\\approx(?![a-zA-Z])|≈)\s*"
    r"|(?:exactly|about|approximately|roughly|option|choice)\s+(?=[\d$\\]|\(?[A-Z]\)?\Z)",
    re.IGNORECASE,
)
"""What may stand before an answer and is no part of it."""
_COLOUR = re.compile(r"\\(?:text)?color\s*\{[^{}]*\}|\\[hv]?phantom\s*\{[^{}]*\}|\\text\s*\{\s*[.,;]?\s*\}")
"""What only changes how an answer looks."""
_CALLED = [name for name in FUNCTIONS if name not in ("gcd", "lcm", "max", "min", "det", "sgn")]
_SYMBOLS = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
        "∙": r"\cdot ", "•": r"\cdot ", "∗": "*", "÷": "/", "⁄": "/", "∕": "/", "∶": ":", "π": r"\pi ",
        "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "±": r"\pm ",
        "∓": r"\mp ", "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}",
        "∖": r"\setminus ", "°": r"^\circ ", "º": r"^\circ ", "′": "'", "’": "'", "″": "''", "⟨": r"\langle ",
        "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "…": r"\ldots ",
        "∣": "|", "٫": ".", "٬": ",", "、": ",",
        "Ω": r"\Omega ", "µ": "μ", "√": r"\surd ", "∛": r"\sqrt[3]", "ⅈ": "i", "ⅇ": "e",
        "\u2062": r"\cdot ", "\u2063": ",",
        "\u2064": "+",
    }
)  # fmt: skip
_GREEK_NAMES = {
    chr(code): f"\\{unicodedata.name(chr(code)).rsplit(' ', 1)[1].lower()} " for code in range(0x3B1, 0x3CA)
}
_GREEK = str.maketrans({letter: name for letter, name in _GREEK_NAMES.items() if letter not in "πμςο"})
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉"
_TO_RAISED, _TO_LOWERED = str.maketrans(_RAISED, "0123456789+-n"), str.maketrans(_LOWERED, "0123456789")
_VULGAR = re.compile("([\u00bc-\u00be\u2150-\u215e\u2189])")
_SPACING = re.compile(
    r"(?<!\\)((?:\\\\)*)\\(?:[,;:> ]|(?:quad|qquad|thinspace|enspace|hspace\{[^{}]*\}"
    r"|(?:kern|hskip|mskip|mkern)\s*-?[\d.]+\s*(?:pt|em|ex|mu|mm|cm))(?![a-zA-Z]))"
)
_NO_SPACE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:!|negthinspace(?![a-zA-Z]))")
_ROW_GAP = re.compile(r"\\\\\s*(?:\*\s*)?\[[^\]]*\]|\\\\\*|\\newline(?![a-zA-Z])")
_SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|d?limits|nolimits|bf|rm|it|boldmath)(?![a-zA-Z])\.?"
)
_FONTS = re.compile(
    r"\\(?:mathbf|mathit|mathcal|boldsymbol|bm|vec|hat|ensuremath)\s*\{\s*([a-zA-Z]|\\[a-zA-Z]+|\d+)\s*\}"
    r"|\\(?:mathrm|operatorname\*?|mathop|mathsf)\s*\{\s*([eid]|\\[a-zA-Z]+|\d+)\s*\}"
)
"""What an upright e, i or d is; another upright letter is a unit or a name."""
_UPRIGHT = re.compile(rf"\\(?:mathrm|operatorname\*?|text|mathop)\s*\{{\s*({'|'.join(FUNCTIONS)}|pi)\s*\}}")
_SAME = (
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\leqslant(?![a-zA-Z])|\\leq(?![a-zA-Z])|<="), r"\\le "),
    (re.compile(r"\\geqslant(?![a-zA-Z])|\\geq(?![a-zA-Z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])|!="), r"\\ne "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\[lr]?vert(?![a-zA-Z])|\\mid(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:varnothing|O)(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\\colon(?![a-zA-Z])"), ":"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:ast)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\(?:dots|cdots|dotsc)(?![a-zA-Z])|\.\.\.+"), r"\\ldots "),
    (re.compile(r"\\degree(?![a-zA-Z])|\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])"), r"^\\circ "),
    (re.compile(r"\\lbrace(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\l?brack(?![a-zA-Z])"), "["),
    (re.compile(r"\\rbrack(?![a-zA-Z])"), "]"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\\mathbb\s*([A-Z])(?![a-zA-Z])"), r"\\mathbb{\1}"),
    (re.compile(r"(?<=\.)(\d{3})((?: \d{3})+)(?![\w.])"), lambda run: run[0].replace(" ", "")),
    (re.compile(r'(?<=\d)"'), "''"),
    (re.compile(r"\\text\s*\{\s*(:|\\%)\s*\}|\{(:)\}"), r"\1\2"),
    (re.compile(r"\\(?:mathtt|texttt|text|mathrm)\s*\{\s*(0[xXbBoO][0-9a-fA-F]+)\s*\}"), r"\1"),
    (re.compile(r"_\s*\{\s*\((\w+)\)\s*\}"), r"_{\1}"),
    (
        re.compile(
            r"(?<=[0-9A-F)])\s*(?:\(|\\text\s*\{)?\s*(?:in )?\bbase[ -]?\s*\}?\s*(\d{1,2}|[a-z]{3,7})\s*[)}]?\Z"
        ),
        r"_{\1}",
    ),
    (re.compile(r"\\imath(?![a-zA-Z])"), "i"),
    (re.compile(r"(?<=[\d}])\s*(?:degrees?|deg)(?=\s*[)}])"), r"^\\circ "),
    (re.compile(r"\\sqrt\s+(\d+)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<=\d)[eE]([+-]?\d{1,6})(?![\d.a-zA-Z])"), r"\\times 10^{\1}"),
    (re.compile(r"\^\s*([+-]?\d{2,}|[+-]\s*[\da-zA-Z])"), r"^{\1}"),
    (re.compile(rf"(?<![\\a-zA-Z{{])({'|'.join(_CALLED)}|pi)(?![a-zA-Z])"), r"\\\1 "),
    (re.compile(r"(?<![\\a-zA-Z])(gcd|lcm|max|min|det|sgn)(?=\s*[({])"), r"\\\1 "),
    (re.compile(r"\{([^{}]*?)\\choose(?![a-zA-Z])([^{}]*)\}"), r"\\binom{\1}{\2}"),
    (re.compile(r"((?<!\d)\d++|[a-zA-Z])\s*\\choose\s*(\d+|[a-zA-Z])"), r"\\binom{\1}{\2}"),
    (re.compile(r"\{([^{}]*?)\\over(?![a-zA-Z])([^{}]*)\}"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\(?:text|mathrm|mathtt|texttt)\s*\{\s*([0-9A-F]+)\s*\}(?=\s*_)"), r"\1"),
    (re.compile(r"(?<![\\a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])"), r"\\infty "),
    (re.compile(r"(?<![\\a-zA-Z])U(?=\s*[(\[])|(?<=[)\]])\s*U(?![a-zA-Z])"), r"\\cup "),
)
_THOUSANDS_GAP = re.compile(r"(?<![\d.])(\d{1,3})((?:(?:\{,\}|[  ])\d{3})+)(?!\d)")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_OPENS = re.compile(r"(?:[(\[,]|\\\{)\s*[-+]?\s*\Z")
_CLOSES = re.compile(r"\s*(?:[)\]]|\\\})")
_INLINE = re.compile(r"(?<!\\)\$((?:[^$\\]|\\.)+)\$(?!\s*\d)")
"""Mathematics in the middle of a text; not two amounts of dollars."""
_OVERLINED = re.compile("((?:\\d\u0305)+)|((?:\\d\u0307)+)")


def clean(text: str) -> str:
    """The text as plain LaTeX on one line."""
    text = _INLINE.sub(r"\1", text.replace("\\\u00a0", " "))
    if not text.isascii():
        text = _to_ascii(text)
    text = plain_dialect(text)
    text = _ROW_GAP.sub(r"\\\\", _SIZES.sub("", text)).replace("~", " ")
    text = _SPACING.sub(r"\1 ", _NO_SPACE.sub(r"\1", text))
    text = _UPRIGHT.sub(r"\\\1 ", text)
    text = _FONTS.sub(lambda found: f" {found[1] or found[2]} ", text)
    text = _braced_calls(text)
    text = " ".join(text.split())
    text = _THOUSANDS_GAP.sub(lambda run: run[1] + re.sub(r"\D", "", run[2]), text)
    text = _THOUSANDS.sub(_join_thousands, text)
    for pattern, by in _SAME:
        text = pattern.sub(by, text)
    return " ".join(text.split())


def _to_ascii(text: str) -> str:
    """ASCII and LaTeX commands for what Unicode has beyond them; what is invisible goes."""
    text = _OVERLINED.sub(_repeated, text)
    text = re.sub(f"[{_RAISED}]+", lambda run: "^{" + run[0].translate(_TO_RAISED) + "}", text)
    text = re.sub(f"[{_LOWERED}]+", lambda run: "_{" + run[0].translate(_TO_LOWERED) + "}", text)
    text = _VULGAR.sub(r" \1", text).translate(_SYMBOLS)
    text = unicodedata.normalize("NFKC", text).translate(_SYMBOLS).translate(_GREEK)
    return text if text.isascii() else "".join([_ascii(character) for character in text])


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Mn"):
        return ""
    if category == "Pd":
        return "-"
    return " " if category.startswith("Z") else character


def _repeated(run: re.Match[str]) -> str:
    bare = "".join([character for character in run[0] if character.isdigit()])
    return rf"\overline{{{bare}}}" if run[1] else "".join([rf"\dot{{{digit}}}" for digit in bare])


def _join_thousands(number: re.Match[str]) -> str:
    """1,234 as one number, but as it is where it ends a bracket: the last entries of a point, an interval or a set."""
    is_last = _CLOSES.match(number.string, number.end())
    return number[0] if is_last and _OPENS.search(number.string[: number.start()]) else number[0].replace(",", "")


def unwrap(text: str) -> str:
    """Strip white space, a final full stop, wrappers that span the whole text and what only leads in to it."""
    text = text.strip()
    while True:
        before = text
        if (lead := _LEAD.match(text)) and lead.end() < len(text):
            text = text[lead.end() :]
        text = _COLOUR.sub("", text).strip() if "\\" in text else text
        text = text.rstrip(".").strip() if not text.endswith("..") else text
        for left, right in WRAPPERS:
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


def _braced_calls(text: str) -> str:
    r"""`sqrt(…)`, `\sqrt(…)`, `√2` → `\sqrt{…}` and `^(…)` → `^{…}`, where the brackets balance."""
    if "sqrt" not in text and "^" not in text and r"\surd" not in text:
        return text
    text = re.sub(r"\\surd\s*(?=\()", r"\\sqrt", re.sub(r"\\surd\s*(\d+(?:\.\d+)?|[a-zA-Z])", r"\\sqrt{\1}", text))
    text = text.replace(r"\surd", r"\sqrt")
    pieces, position = [], 0
    for call in re.finditer(r"(?:(?<![\\a-zA-Z])sqrt|\\sqrt|\^)\s*\(", text):
        if call.start() < position or (end := closing(text, call.end() - 1)) < 0:
            continue
        name = "^" if text[call.start()] == "^" else r"\sqrt"
        pieces += [text[position : call.start()], name, "{", _braced_calls(text[call.end() : end]), "}"]
        position = end + 1
    return "".join([*pieces, text[position:]])


def closing(text: str, position: int) -> int:
    """Where the bracket or brace that opens at `position` is closed by one of any kind; −1 if it is not."""
    depth, index = 0, position
    while index < len(text):
        character = text[index]
        if character == "\\":
            index += 1
            character = text[index : index + 1]
        if character in "([{" and character:
            depth += 1
        elif character in ")]}" and character:
            depth -= 1
            if depth == 0:
                return index
        index += 1
    return -1


def split_top(text: str, separator: re.Pattern[str]) -> list[tuple[str, str]]:
    """Cut where `separator` matches outside all brackets: (piece, the separator behind it), the last with none."""
    if separator.search(text) is None:
        return [(text.strip(), "")]
    pieces, depth, start, index = [], 0, 0, 0
    while index < len(text):
        if depth == 0 and (found := separator.match(text, index)) and found.end() > index:
            pieces.append((text[start:index].strip(), found[0].strip()))
            start = index = found.end()
            continue
        size = 2 if text[index] == "\\" else 1
        mark = text[index + size - 1 : index + size]
        if text.startswith((r"\begin{", r"\langle"), index):
            depth += 1
        elif text.startswith((r"\end{", r"\rangle"), index):
            depth -= 1
        elif mark:
            depth += (mark in "([{") - (mark in ")]}")
        index += size
    return [*pieces, (text[start:].strip(), "")]
