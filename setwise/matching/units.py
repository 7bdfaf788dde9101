r"""Units: what a unit is worth in base units, so that 5 m is 500 cm and no 5 s.

The table is small and exact. A unit without a definition is a base of its own, and so is what is counted: "42 apples"
are no pears. Degrees Celsius and Fahrenheit are not converted, nor currencies, nor months to days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_PREFIXED = """
m: meter metre | g: gram gramme | s: second sec secs | A: ampere amp | K: kelvin | mol: mole | cd: candela
N = 1000 g m s^-2: newton | J = 1000 g m^2 s^-2: joule | W = 1000 g m^2 s^-3: watt | Pa = 1000 g m^-1 s^-2: pascal
Hz = s^-1: hertz | V = 1000 g m^2 s^-3 A^-1: volt | ohm = 1000 g m^2 s^-3 A^-2: Ω | T = 1000 g s^-2 A^-1: tesla
H = 1000 g m^2 s^-2 A^-2: henry henries | Wb = V s: weber | L = 0.001 m^3: l liter litre | eV: electronvolt
bit | byte = 8 bit: B | cal = 4.184 J: calorie | bar = 100000 Pa | Bq = s^-1: becquerel | Gy: gray | Sv: sievert
lm: lumen | lx: lux | M = 1000 mol m^-3: molar | C: celsius coulomb degC | F: fahrenheit farad degF
"""
"""Units that take the SI's prefixes: symbol = definition: other spellings."""
_OTHERS = """
min = 60 s: mins minute | h = 3600 s: hr hrs hour | d = 24 h: day | week = 7 d | fortnight = 14 d
year: yr yrs | month = 1/12 year | decade = 10 year | century = 100 year: centuries | t = 1000000 g: tonne ton
in = 0.0254 m: inch inches | ft = 12 in: foot feet | yd = 3 ft: yard yds | mi = 5280 ft: mile | au: AU
ly: lightyear | pc: parsec | cc = 0.000001 m^3
lb = 453.59237 g: pound lbs | oz = 1/16 lb: ounce | stone = 14 lb | micron = 0.000001 m
gal: gallon | quart = 1/4 gal: qt | pint = 1/8 gal | cup = 1/16 gal | acre = 4840 yd^2 | hectare = 10000 m^2: ha
atm = 101325 Pa: atmosphere | psi = 4.4482216152605 N in^-2: | mmHg: torr | kWh = 3600000 J: | erg = 0.0000001 J
dyn = 0.00001 N: dyne | hp: horsepower | mph = mi h^-1: | kph = 1000 m h^-1: kmh | fps = ft s^-1:
rev: revolution revs | rpm = 1/60 rev s^-1:
kms = 1000 m: | kgs = 1000 g: | knot: kn | dB: decibel | Da: dalton amu | pH | ppm = 0.000001:
Å = 0.0000000001 m: angstrom
degree: deg degrees | arcmin = 1/60 degree: arcminute | arcsec = 1/3600 degree: arcsecond | rad: radian | sr: steradian
dollar: USD buck | cent = 1/100 dollar: ¢ | euro: EUR
sterling: GBP quid
pence = 1/100 sterling: penny pennies
rupee: INR | yen: JPY | yuan: CNY RMB | ruble: rouble RUB | franc: CHF | won: KRW | unit: units | point
person: people persons | child: children | man: men | woman: women | student | boy | girl | item | object | way | step
vertex: vertices
die: dice | mouse: mice | pair | side | edge | face | solution | root | term | digit
"""
_PREFIXES = {
    "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "d": -1, "c": -2, "m": -3, "u": -6, "μ": -6, "n": -9, "p": -12, "f": -15,
}  # fmt: skip
_PREFIX_NAMES = {
    "kilo": 3, "mega": 6, "giga": 9, "tera": 12, "peta": 15, "exa": 18, "hecto": 2, "deca": 1, "deci": -1, "centi": -2,
    "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15, "atto": -18,
}  # fmt: skip
CURRENCIES = {"$": "dollar", "€": "euro", "£": "sterling", "¥": "yen", "₹": "rupee", "₽": "ruble", "₩": "won"}
MULTIPLES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_ARITHMETIC = re.compile(
    "plus|minus|times|less|does|squares|cubes|powers|roots|halves|(?:thir|four|fif|six|seven|eigh|nin|ten)ths|thirds"
    "|quarters|(?:hundred|thousand|million|billion)(?:th)?s|dozens|zeros|ones|twos|threes|fours|fives|sixes|sevens"
    "|eights|nines|tens|this|thus|perhaps|versus|always"
)
"""Words that look like a plural and are no unit."""
_NO_UNIT = re.compile(
    "or|and|not|is|are|was|no|if|plus|minus|times|over|more|less|than|squared|cubed|factorial|half|third|quarter|fifth"
    f"|percent|[ap]m|{'|'.join(MULTIPLES)}"
)
"""Words that make the others no unit."""
_POWERS = {"square": 2, "sq": 2, "cubic": 3}
_POWERS_AFTER = {"squared": 2, "cubed": 3}
_COUNTED = re.compile(r"[a-z]{3,}s")
_TOKEN = re.compile(r"\s*(?:([^\W\d_]+|[°¢Ω])|\^\s*\{?\s*(-?\s*\d+)\s*\}?|([/()*])|(-?\d+(?:/\d+|\.\d+)?)|(\S))")

_NUMBER_ALONE = re.compile(r"(?<![\d^{-])(?<!\^-)(?<!\{-)(?<!\^ )\d")
"""A number that is no exponent: it belongs to definitions, not to a unit that an answer states."""


class Unit(NamedTuple):
    """A unit: its factor before base units, and the power of each base unit."""

    factor: Fraction = Fraction(1)
    dimension: tuple[tuple[str, Fraction], ...] = ()

    def __str__(self) -> str:
        bases = "·".join([name if power == 1 else f"{name}^{power}" for name, power in self.dimension])
        return bases if self.factor == 1 else f"{self.factor} {bases}"


def _combine(units: Iterable[tuple[Unit, Fraction]]) -> Unit:
    """The product of powers of units."""
    factor, dimension = Fraction(1), dict[str, Fraction]()
    for unit, power in units:
        factor *= unit.factor ** int(power)
        for name, exponent in unit.dimension:
            dimension[name] = dimension.get(name, Fraction(0)) + exponent * power
    return Unit(factor, tuple(sorted([(name, power) for name, power in dimension.items() if power])))


def _base(name: str) -> Unit:
    return Unit(Fraction(1), ((name, Fraction(1)),))


@lru_cache(maxsize=1)
def _spellings() -> dict[str, Unit]:
    """Spelling → unit; a spelling with its case ignored too, where that says the same."""
    found: dict[str, Unit] = {}
    for table, has_prefixes in ((_PREFIXED, True), (_OTHERS, False)):
        for entry in table.replace("\n", "|").split("|"):
            head, _, names = entry.strip().partition(":")
            symbol, _, definition = head.partition("=")
            if not symbol:
                continue
            unit = _parse(definition, found) if definition else _base(symbol.strip())
            assert unit is not None, f"{entry} is no definition"
            for name in (symbol.strip(), *names.split()):
                found.setdefault(name, unit)
                if has_prefixes:
                    short = _PREFIXES | (_PREFIX_NAMES if len(name) == 3 else {})  # mmol, kcal; megaohm
                    prefixes = _PREFIX_NAMES if len(name) > 3 else short
                    for prefix, power in prefixes.items():
                        found.setdefault(prefix + name, Unit(unit.factor * Fraction(10) ** power, unit.dimension))
    folded: dict[str, set[Unit]] = {}
    for spelling, unit in found.items():
        folded.setdefault(spelling.lower(), set()).add(unit)
    alone = {spelling: units.pop() for spelling, units in folded.items() if len(units) == 1 and len(spelling) > 1}
    return alone | found


def _named(word: str, spellings: dict[str, Unit]) -> Unit | None:
    lower = word.lower()
    if word in spellings:
        return spellings[word]
    if lower in spellings and len(word) > 1:
        return spellings[lower]
    return spellings.get(lower[:-1]) if len(word) > 3 and lower.endswith("s") and len(lower) > 3 else None


@lru_cache(maxsize=4096)
def known_unit(words: str) -> Unit | None:
    """The unit stated in known words or symbols: "square meters per second", `kg m^2 / s^2`; None if it is none."""
    return None if _NUMBER_ALONE.search(words) else _parse(words, _spellings())


def _parse(words: str, spellings: dict[str, Unit]) -> Unit | None:
    parts: list[tuple[Unit, Fraction]] = []
    side, before, depth = 1, 1, 0
    waits = True
    for word, exponent, mark, number, other in _TOKEN.findall(words):
        if other or (mark == "/" and waits) or (word == "per" and waits):
            return None
        if mark == "/" or word == "per":
            side, waits = -1, True
        elif mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
            side = side if depth else 1
        elif mark == "*":
            continue
        elif word in _POWERS:
            before = _POWERS[word]
        elif exponent or word in _POWERS_AFTER:
            if waits or not parts:
                return None
            unit, power = parts[-1]
            parts[-1] = (unit, power * (int(exponent.replace(" ", "")) if exponent else _POWERS_AFTER[word]))
        else:
            unit = Unit(Fraction(number)) if number else _named(word, spellings)  # type: ignore[assignment]
            if unit is None:
                return None
            parts.append((unit, Fraction(side * before)))
            side, before, waits = (side if depth else 1), 1, False
    return None if waits or before != 1 or depth or not parts else _combine(parts)


def plain_unit(words: str) -> Unit | None:
    """The unit that `words` after a number are in plain text; None if they are something else."""
    if (known := known_unit(words)) is not None:
        return known
    lower = words.strip().lower()
    return _base(lower[:-1]) if _COUNTED.fullmatch(lower) and not _ARITHMETIC.fullmatch(lower) else None


def text_unit(words: str) -> Unit | None:
    r"""The unit that `words` in `\text{}` after a number are: a known one, or any that are no arithmetic.

    The case of a short word counts, the plural s of a long one does not.
    """
    if (known := known_unit(words)) is not None:
        return known
    name, _, power = words.strip(" .").partition("^")
    tokens = name.split()
    if not tokens or not re.fullmatch(r"[^\W\d_]+(?:[ ./'-]+[^\W\d_]+)*\.?", name.strip()):
        return None
    if any(_NO_UNIT.fullmatch(token.lower()) or _ARITHMETIC.fullmatch(token.lower()) for token in tokens):
        return None
    base = _base(" ".join([_singular(token.lower()) if len(token) > 3 else token for token in tokens]))
    return (
        _combine([(base, Fraction(power.strip("{} ") or 1))]) if not power or power.strip("{} ").isdecimal() else None
    )


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") else word
