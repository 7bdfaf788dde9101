r"""The grammar above one scalar: lists, sets, points, intervals, relations, matrices, ratios, quantities.

`read_value` takes cleaned LaTeX and gives the typed value; `UnreadableError` says that it is no mathematics.
"""

from __future__ import annotations

import re
from fractions import Fraction

from setwise.matching.formula import read_formula
from setwise.matching.matrices import read_matrix
from setwise.matching.notation import FUNCTIONS, closing, split_top
from setwise.matching.quantities import compound, measure
from setwise.matching.regions import NEGATIVE_INFINITY, POSITIVE_INFINITY, REALS, common, linear, region, union, without
from setwise.matching.trees import ForeignError, UnreadableError, add, negate
from setwise.matching.valuation import has_letter, real_value
from setwise.matching.values import (
    Collection,
    Equation,
    Interval,
    Matrix,
    Named,
    Number,
    Quantity,
    Ratio,
    Region,
    Sequence,
    Value,
)

EMPTY = Collection(())
MAX_DEPTH = 12
ROUNDED_DIGITS = 6
"""A decimal of at least so many digits may be the rounding of an irrational number or a fraction."""

_OR = re.compile(r"\s+or\s+|\s*\\(?:text|mathrm|mbox)\s*\{\s*or\s*\}\s*|\\lor(?![a-zA-Z])|\\vee(?![a-zA-Z])")
_AND = re.compile(r"\s+and\s+|\s*\\(?:text|mathrm|mbox)\s*\{\s*and\s*\}\s*|\\land(?![a-zA-Z])|\\wedge(?![a-zA-Z])")
_COMMA = re.compile(r"[,;]\s*(?:and\s|or\s|\\text\s*\{\s*(?:and|or)\s*\})?")
_CUP = re.compile(r"\\cup(?![a-zA-Z])")
_CAP = re.compile(r"\\cap(?![a-zA-Z])")
_MINUS_SET = re.compile(r"\\setminus(?![a-zA-Z])|\\backslash(?![a-zA-Z])|\\smallsetminus(?![a-zA-Z])")
_RELATION = re.compile(r"\\(?:le|ge|ne|in|approx|sim|simeq)(?![a-zA-Z])|[<>=≈]")
_SIZE = re.compile(r"\|([^|]+)\|")
_COLON = re.compile(r":")
_SAID = re.compile(
    r"[a-zA-Z]'+(?:\(\s*[a-zA-Z]\s*\))?|[a-zA-Z]\^\{-1\}\s*\(\s*[a-zA-Z]\s*\)|[fghFGH]\(\s*-?\d+\s*\)|P\s*\([^()=]*\)"
    r"|(?:\\angle\s*|m\\angle\s*|\\triangle\s*)?[A-Z]{1,3}|\|\s*[A-Z]{2}\s*\||\\frac\s*\{d[a-z]\}\{d[a-z]\}"
)
"""What an equation may say the value of: a derivative, an inverse, a probability, an angle, a length."""
_NAME = re.compile(rf"\\?[a-zA-Z]+(?:_(?:\w|\{{\w+\}}))?|\\?[a-zA-Z]\s*\(\s*[a-zA-Z]\s*\)|{_SAID.pattern}")
_LETTER = re.compile(r"[a-zA-Z](?:_(?:\w|\{\w+\}))?|\\(?!infty|pi)[a-zA-Z]+(?:_(?:\w|\{\w+\}))?")
_NAMES = re.compile(r"\(\s*[a-zA-Z]\w*(?:\s*,\s*[a-zA-Z]\w*)+\s*\)")
_BUILDER = re.compile(r"\s*([a-zA-Z])\s*(?:\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*)?[|:,](.*)", re.DOTALL)
_REALS = re.compile(r"\\(?:mathbb|mathbf|Bbb)\s*\{?\s*R\s*\}?|\\Reals?")
_LITERAL = re.compile(r"[-+]?\s*(\d*\.\d+)(?:\s*\\(?:times|cdot)\s*10\^(?:\{([-+]?\d{1,4})\}|(\d)))?\s*(\\?%)?")
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_SPACE = re.compile(r" (?![a-zA-Z0-9.])|(?<![a-zA-Z0-9.]) ")
"""White space that separates nothing: not two words or numbers."""
_CONGRUENT = re.compile(
    r"(.*?)\\equiv(?![a-zA-Z])\s*(-?\d+)\s*\(?\s*(?:\\[pb]?mod(?![a-zA-Z])|mod)\s*\{?\s*(\d+)\s*\}?\s*\)?", re.DOTALL
)
_UPRIGHT = re.compile(r"\\(?:text|mbox|mathrm|operatorname|mathsf)")
_LONG_RUN = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}(?![a-zA-Z])")
_PROSE = re.compile(r"(?s).*[\d})]\s+([a-zA-Z][a-zA-Z ,.;:'-]*)")
_SYMBOL = re.compile(rf"{'|'.join(FUNCTIONS)}|[a-zA-Z]{{1,2}}|[abcd]+|[pqr]+|[wxyz]+")


def read_value(text: str, depth: int = 0) -> Value:
    """What a cleaned text is."""
    if depth > MAX_DEPTH:
        raise UnreadableError("too deep")
    text = text.strip().rstrip(",;").strip()
    if not text:
        raise UnreadableError("nothing")
    for read in (_set_operation, _listed, _related, _bracketed):
        if (value := read(text, depth)) is not None:
            return value
    if (matrix := read_matrix(text, lambda entry: read_value(entry, depth + 1))) is not None:
        return matrix
    if r"\pm" in text or r"\mp" in text:
        return _plus_minus(text, depth)
    if (ratio := _ratio(text)) is not None:
        return ratio
    return _measured(text)


def read_number(text: str) -> Number:
    """One expression without a unit."""
    try:
        tree = read_formula(text)
    except ForeignError:
        if is_upright(text):
            raise UnreadableError("words in a formula") from None
        return Number(None, _SPACE.sub("", text))
    return Number(tree, text, _half(text))


def is_upright(text: str) -> bool:
    """Whether words are left in a formula, which the library would drop."""
    return _UPRIGHT.search(text) is not None


def _half(text: str) -> Fraction | None:
    """Half a unit in the last place of a decimal that is long enough to be a rounded one."""
    if (found := _LITERAL.fullmatch(text)) is None:
        return None
    digits, exponent, short, percent = found.groups()
    if len(digits.replace(".", "").lstrip("0")) < ROUNDED_DIGITS:
        return None
    places = len(digits.partition(".")[2]) - int(exponent or short or 0) + (2 if percent else 0)
    return Fraction(1, 2) / Fraction(10) ** places


def _pieces(text: str, separator: re.Pattern[str]) -> list[str]:
    return [piece for piece, _ in split_top(text, separator)]


def _set_operation(text: str, depth: int) -> Value | None:
    """A union of intervals and sets, or the reals without some points."""
    if _REALS.fullmatch(text):
        return REALS
    if len(pieces := _pieces(text, _CUP)) > 1:
        return union([read_value(piece, depth + 1) for piece in pieces])
    if len(pieces := _pieces(text, _CAP)) > 1:
        parts = [region(read_value(piece, depth + 1)) for piece in pieces]
        if any(part is None for part in parts):
            raise ForeignError("an intersection of other things")
        return common(parts)  # type: ignore[arg-type]
    if len(pieces := _pieces(text, _MINUS_SET)) == 2 and _REALS.fullmatch(pieces[0]):
        points = read_value(pieces[1], depth + 1)
        if isinstance(points, Collection) and all(isinstance(item, Number) for item in points.items):
            return without(points.items)  # type: ignore[arg-type]
    return None


def _listed(text: str, depth: int) -> Value | None:
    """Several values with commas, "or" or "and" between them."""
    for separator in (_OR, _COMMA, _AND):
        pieces = [piece for piece in _pieces(text, separator) if piece]
        if len(pieces) > 1:
            if separator is not _OR and compound(text.replace("^\\circ", "°")) is not None:  # 1 hour and 30 minutes
                return None
            values = [read_value(piece, depth + 1) for piece in pieces]
            said = [value for value in values if not isinstance(value, Region) or value.pieces != REALS.pieces]
            if len(said) == 1 and len(values) == 2:  # "x is real" adds nothing
                return said[0]
            if all(isinstance(value, Region) for value in values):
                return union(values) if separator is _OR else common(values)
            items = [item for value in values for item in _spread(value)]
            return Collection(tuple(items), is_bare=True)
    return None


def _spread(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Collection) and value.is_bare else (value,)


def _related(text: str, depth: int) -> Value | None:
    """An equation, an inequality or what a letter is in."""
    if (found := _CONGRUENT.fullmatch(text)) and (modulus := int(found[3])):
        residue = Number(Fraction(int(found[2]) % modulus), "")
        name = found[1].strip()
        return Named(_bare_name(name), Sequence("mod", (residue, Number(Fraction(modulus), ""))))
    parts = split_top(text, _RELATION)
    if len(parts) < 2:
        return None
    sides, signs = [side for side, _ in parts], [sign for _, sign in parts[:-1]]
    if any(not side for side in sides):
        raise UnreadableError("a relation without a side")
    if set(signs) <= {"=", r"\approx", r"\sim", r"\simeq", "≈"}:
        return _equation(sides, depth)
    if signs == [r"\in"]:
        if not _NAME.fullmatch(sides[0]) and not _NAMES.fullmatch(sides[0]):
            raise UnreadableError("what is in a set is no letter")
        value = read_value(sides[1], depth + 1)
        name = sides[0] if _LETTER.fullmatch(sides[0]) else ""
        return value._replace(name=name) if isinstance(value, Region) else region(value, name) or Named(name, value)
    if signs == [r"\ne"] and _LETTER.fullmatch(sides[0]):
        return without((read_number(sides[1]),), sides[0])
    return _inequality(sides, signs)


def _equation(sides: list[str], depth: int) -> Value:
    if _NAMES.fullmatch(sides[0]):
        return read_value(sides[-1], depth + 1)
    for name, other in ((sides[0], sides[-1]), (sides[-1], sides[0])):
        if _NAME.fullmatch(name) and (name is sides[0] or not _NAME.fullmatch(other)):
            value = read_value(other, depth + 1)
            if isinstance(value, Collection):
                return Collection(tuple([Named(_bare_name(name), item) for item in value.items]), value.is_bare)
            return Named(_bare_name(name), value)
    if len(sides) > 2:
        return read_value(sides[-1], depth + 1)
    left, right = read_number(sides[0]), read_number(sides[1])
    if all(number.tree is not None and not has_letter(number.tree) for number in (left, right)):
        return right  # 2 + 3 = 5
    return Equation("=", _difference(sides[0], sides[1]))


def _bare_name(name: str) -> str:
    """The letter, or what else is named; nothing for a function of a letter or a word."""
    return name if _LETTER.fullmatch(name) else "".join(name.split()) if _SAID.fullmatch(name) else ""


def _difference(left: str, right: str) -> Number:
    one, other = read_number(left), read_number(right)
    if one.tree is None or other.tree is None:
        return Number(None, f"{left}-({right})")
    return Number(add(one.tree, negate(other.tree)), f"{left}-({right})")


def _inequality(sides: list[str], signs: list[str]) -> Value:
    if any(sign not in _FLIPPED for sign in signs):
        raise ForeignError("relations of several kinds")
    if len(signs) == 1:
        if _LETTER.fullmatch(sides[1]) and not _LETTER.fullmatch(sides[0]):
            sides, signs = sides[::-1], [_FLIPPED[signs[0]]]
        if not _LETTER.fullmatch(sides[0]):
            if (size := _SIZE.fullmatch(sides[0])) is not None:
                return _sized(size[1].strip(), read_number(sides[1]), signs[0])
            if (solved := linear(_difference(*sides), signs[0])) is not None:
                return solved
            if signs[0] in (">", r"\ge"):
                sides, signs = sides[::-1], [_FLIPPED[signs[0]]]
            return Equation(signs[0], _difference(*sides))
        bound, is_open = read_number(sides[1]), signs[0] in "<>"
        if signs[0] in ("<", r"\le"):
            return Region(sides[0], (Interval(NEGATIVE_INFINITY, bound, True, is_open),))
        return Region(sides[0], (Interval(bound, POSITIVE_INFINITY, is_open, True),))
    if signs[0] in (">", r"\ge"):
        sides, signs = sides[::-1], [_FLIPPED[sign] for sign in reversed(signs)]
    if len(sides) != 3 or not _LETTER.fullmatch(sides[1]) or not set(signs) <= {"<", r"\le"}:
        raise UnreadableError("a chain of relations")
    low, high = read_number(sides[0]), read_number(sides[2])
    return Region(sides[1], (Interval(low, high, signs[0] == "<", signs[1] == "<"),))


def _sized(name: str, bound: Number, sign: str) -> Value:
    """What |x| < c, |x| > c and their like say of x, for a positive c."""
    if bound.tree is None or not (value := real_value(bound.tree)) or value < 0:
        raise ForeignError("a bound that is not positive")
    minus = Number(negate(bound.tree), "")
    if not _LETTER.fullmatch(name):
        return _sized_term(read_number(name), bound, minus, sign)
    if sign in ("<", r"\le"):
        return Region(name, (Interval(minus, bound, sign == "<", sign == "<"),))
    below = Interval(NEGATIVE_INFINITY, minus, True, sign == ">")
    return Region(name, (below, Interval(bound, POSITIVE_INFINITY, sign == ">", True)))


def _sized_term(term: Number, bound: Number, minus: Number, sign: str) -> Value:
    """What |ax + b| < c and its like say of x."""
    if term.tree is None:
        raise ForeignError("the size of something else")
    above = linear(Number(add(term.tree, minus.tree), ""), sign)
    below = linear(Number(add(term.tree, bound.tree), ""), _FLIPPED[sign])
    if above is None or below is None:
        raise ForeignError("the size of a term that is not linear")
    return common([above, below]) if sign in ("<", r"\le") else union([above, below])


def _bracketed(text: str, depth: int) -> Value | None:
    """What stands in one pair of brackets: a set, a point, an interval; not a number in brackets."""
    if text.startswith(r"\langle") and text.endswith(r"\rangle"):
        return Sequence("<>", _items(text[7:-7], depth))
    is_set = text.startswith((r"\{", "{"))
    opener = r"\{" if text.startswith(r"\{") else text[0]
    if opener not in (r"\{", "{", "(", "[") or closing(text, len(opener) - 1) != len(text) - 1:
        return _half_open(text, depth)
    inner = text[len(opener) : -1].removesuffix("\\")
    if is_set and (found := _BUILDER.fullmatch(inner)) and opener == r"\{" and _RELATION.search(found[2]):
        value = read_value(found[2], depth + 1)
        return value if isinstance(value, Region | Equation) else Collection(_spread(value))
    items = _items(inner, depth)
    if is_set:
        if opener == "{" and len(items) == 1:
            return items[0]
        return Collection(items)
    if len(items) == 1:
        return items[0] if not isinstance(items[0], Number | Quantity) else None
    if inner.startswith("[") and (rows := _rows(items)) is not None:
        return Matrix(rows)
    return _sequence(text[0] + text[-1], items)


def _rows(items: tuple[Value, ...]) -> tuple[tuple[Value, ...], ...] | None:
    """The rows of a matrix written as a list of lists; two numbers in square brackets were read as an interval."""
    rows: list[tuple[Value, ...]] = []
    for item in items:
        if isinstance(item, Interval) and not item.low_open and not item.high_open:
            rows.append((item.low, item.high))
        elif isinstance(item, Sequence) and item.brackets == "[]":
            rows.append(item.items)
        else:
            return None
    return tuple(rows) if len({len(row) for row in rows}) == 1 else None


def _sequence(brackets: str, items: tuple[Value, ...]) -> Value:
    if len(items) == 2 and brackets in ("[]", "(]", "[)"):
        low, high = items
        if isinstance(low, Number) and isinstance(high, Number):
            return Interval(low, high, brackets[0] == "(", brackets[1] == ")")
    return Sequence(brackets, items)


def _half_open(text: str, depth: int) -> Value | None:
    r"""`]a, b[` is the open interval (a, b)."""
    if text[0] in "])" and text[-1] in "[(" and len(items := _items(text[1:-1], depth)) == 2:
        low, high = items
        if isinstance(low, Number) and isinstance(high, Number):
            return Region("", (Interval(low, high, True, True),))
    if (text[0] in "]" and text[-1] == "]") or (text[0] == "[" and text[-1] == "["):
        items = _items(text[1:-1], depth)
        if len(items) == 2 and isinstance(items[0], Number) and isinstance(items[1], Number):
            return Interval(items[0], items[1], text[0] == "]", text[-1] == "[")
    return None


def _items(text: str, depth: int) -> tuple[Value, ...]:
    pieces = [piece for piece in _pieces(text, _COMMA) if piece]
    if len(pieces) == 1:
        return _spread(read_value(pieces[0], depth + 1))
    return tuple([item for piece in pieces for item in _spread(read_value(piece, depth + 1))])


def _plus_minus(text: str, depth: int) -> Value:
    r"""`a \pm b` as the two values it stands for."""
    values = []
    for plus, minus in (("+", "-"), ("-", "+")):
        spelt = re.sub(r"\\pm(?![a-zA-Z])", plus, text)
        values.append(read_value(re.sub(r"\\mp(?![a-zA-Z])", minus, spelt), depth + 1))
    return Collection(tuple(values), is_bare=True)


def _ratio(text: str) -> Ratio | None:
    pieces = _pieces(text, _COLON)
    if len(pieces) < 2 or not all(pieces):
        return None
    return Ratio(tuple([read_number(piece) for piece in pieces]))


def _measured(text: str) -> Value:
    """A number, with a unit or without."""
    found = measure(text)
    if found is None:
        if _is_prose(text):
            raise UnreadableError("words after a number")
        return read_number(text)
    try:
        number = read_number(found.number)
    except UnreadableError:
        return read_number(text)
    if found.is_text or (found.has_word and found.is_spaced and _LONG_RUN.search(text)):
        return Quantity(number, found.unit)
    try:
        product = read_number(text)
    except UnreadableError:
        return Quantity(number, found.unit)
    return Quantity(number, found.unit, product, found.has_word)


def _is_prose(text: str) -> bool:
    """Whether a number is followed by words that are neither a unit nor mathematics."""
    found = _PROSE.fullmatch(text)
    return found is not None and not all(_SYMBOL.fullmatch(word) for word in re.findall("[a-zA-Z]+", found[1]))
