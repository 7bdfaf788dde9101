r"""The unit of a mathematical answer: which words after a number are one, and which are part of the number.

"5 meters" and `5\text{ m}` state a number and a unit, "3 million" a larger number, "2 ln x" and "42 is not the answer"
neither. In plain text only a known unit or the plural of what is counted ("42 apples") is a unit; in `\text{}` any word
that is not arithmetic is.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

_NAMES = """
m: meter metre | cm: centimeter centimetre | mm: millimeter millimetre | km: kilometer kilometre kms | dm: decimeter
nm: nanometer nanometre | um: micrometer micrometre micron μm µm | in: inch inches | ft: foot feet | yd: yard yds
mi: mile | g: gram gramme | kg: kilogram kgs | mg: milligram | t: ton tonne | lb: pound lbs | oz: ounce
l: L liter litre | ml: mL milliliter millilitre | cl: cL | dl: dL | gal: gallon | pint | quart | cup | acre | hectare
s: sec secs second | ms: millisecond | ns: nanosecond | min: mins minute | h: hr hrs hour | d: day | week | fortnight
month | year: yr yrs | decade | century: centuries | N: newton | J: joule | kJ: kilojoule | MJ: megajoule | W: watt
mW: milliwatt | kW: kilowatt | MW: megawatt | GW: gigawatt | kWh | V: volt | mV: millivolt | kV: kilovolt
A: amp ampere | mA: milliamp milliampere | K: kelvin | C: celsius coulomb | F: fahrenheit farad | Hz: hertz
kHz: kilohertz | MHz: megahertz | GHz: gigahertz | Pa: pascal | kPa: kilopascal | MPa: megapascal | bar
atm: atmosphere | eV | keV | MeV | GeV | T: tesla | H: henry henries | ohm: Ω | mol: mole | cal: calorie
kcal: kilocalorie | kN | dB: decibel | rad: radian | degree: deg | bit | byte | kB: kilobyte | MB: megabyte
GB: gigabyte | TB: terabyte | mi/h: mph | km/h: kph kmh | rpm | psi | dollar: USD | cent | euro: EUR
pence: penny pennies | rupee | yen | unit | point | person: people persons | child: children | man: men | woman: women
student | boy | girl | item | object | way | step | vertex: vertices | die: dice | mouse: mice | foot/s: fps | pair
side | edge | face | solution | root | term | digit
"""
"""A symbol, then its other spellings; a spelling of four letters or more may have a plural s and capitals."""

_MULTIPLES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_ARITHMETIC = re.compile(
    "plus|minus|times|less|does|squares|cubes|powers|roots|halves|(?:thir|four|fif|six|seven|eigh|nin|ten)ths|thirds"
    "|quarters|(?:hundred|thousand|million|billion)(?:th)?s|dozens|zeros|ones|twos|threes|fours|fives|sixes|sevens"
    "|eights|nines|tens|this|thus|perhaps|versus|always"
)
"""Words that look like a plural and are no unit."""
_NO_UNIT = re.compile(
    "or|and|not|is|are|was|no|if|plus|minus|times|over|more|less|than|squared|cubed|factorial|half|third|quarter|fifth"
    f"|percent|{'|'.join(_MULTIPLES)}"
)
"""Words that make the others no unit."""
_POWERS = {"square": "^2", "sq": "^2", "cubic": "^3"}
_POWERS_AFTER = {"squared": "^2", "cubed": "^3"}
_TEXT = r"\\(?:text|mathrm|textrm|mbox)\s*\{\s*"
_COUNTED = re.compile(r"[a-z]{3,}s")
_TOKEN = re.compile(r"[^\W\d_]+|\^\{?[23]\}?|/")
_MULTIPLE = rf"({'|'.join(_MULTIPLES)})s?\b"
_IN_TEXT = re.compile(rf"\s*{_TEXT}((?:{'|'.join(_MULTIPLES)})s?|per\s?cent)\b", re.IGNORECASE)
_EMPTY_TEXT = re.compile(_TEXT + r"\}")
_MULTIPLIED = re.compile(
    rf"(?<![\w.,/^{{}}\\])(?<!\d )(\d{{1,3}}(?:,\d{{3}})+|\d{{1,40}})(\.\d{{1,40}})?\s+{_MULTIPLE}", re.IGNORECASE
)
_PERCENT = re.compile(r"(?<=[\d})])\s+per\s?cent\b", re.IGNORECASE)
_EXACT = Context(prec=200)


@lru_cache(maxsize=1)
def _symbols() -> dict[str, str]:
    """Spelling → symbol; a short spelling with its case ignored too, where that says the same."""
    found: dict[str, str] = {}
    for entry in _NAMES.replace("\n", "|").split("|"):
        symbol, _, spellings = entry.strip().partition(": ")
        if symbol:
            found |= dict.fromkeys((symbol, *spellings.split()), symbol)
    folded: dict[str, set[str]] = {}
    for spelling, symbol in found.items():
        folded.setdefault(spelling.lower(), set()).add(symbol)
    alone = {spelling: symbols.pop() for spelling, symbols in folded.items() if len(symbols) == 1 and len(spelling) > 1}
    return alone | found


def _symbol(word: str) -> str | None:
    symbols, lower = _symbols(), word.lower()
    if word in symbols:
        return symbols[word]
    if lower in symbols and len(word) > 1:
        return symbols[lower]
    return symbols.get(lower[:-1]) if len(word) > 4 and lower.endswith("s") else None


@lru_cache(maxsize=4096)
def known_unit(words: str) -> str | None:
    """The symbol of a unit that is stated in known words: "square meters per second" is `m^2/s`; None if it is none."""
    symbol, power, is_open = "", "", True
    for token in _TOKEN.findall(words.replace("*", " ")):
        if token in ("/", "per"):
            if is_open:
                return None
            symbol, is_open = symbol + "/", True
        elif token in _POWERS and (is_open or not power):
            power = _POWERS[token]
        elif token[0] == "^" or token in _POWERS_AFTER:
            if is_open:
                return None
            symbol += _POWERS_AFTER.get(token, "^" + token.strip("^{}"))
        elif (name := _symbol(token)) is not None:
            symbol += ("" if is_open else "*") + name + power
            power, is_open = "", False
        else:
            return None
    return None if is_open or power else symbol


def plain_unit(words: str) -> str | None:
    """The unit that `words` after a number are in plain text; None if they are something else."""
    if (known := known_unit(words)) is not None:
        return known
    lower = words.lower()
    return lower[:-1] if _COUNTED.fullmatch(lower) and not _ARITHMETIC.fullmatch(lower) else None


def text_unit(words: str, power: str = "") -> str | None:
    r"""The unit that `words` in `\text{}` after a number are: a known one, or any that are no arithmetic.

    The case of a short word counts, the plural s of a long one does not.
    """
    if (known := known_unit(words + power)) is not None:
        return known
    tokens = words.strip(" .").split()
    if not tokens or any(_NO_UNIT.fullmatch(token.lower()) for token in tokens):
        return None
    return " ".join([_singular(token.lower()) if len(token) > 3 else token for token in tokens]) + power


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") else word


def multiply_out(text: str) -> str:
    r"""Numbers with a multiple in words as one number: "1.5 million" is 1500000, "45 percent" `45\%`."""
    if not any(character.isspace() for character in text) and "{" not in text:
        return text
    text = _EMPTY_TEXT.sub("", _IN_TEXT.sub(r" \1 \\text{", text))
    before = ""
    while text != before:
        before, text = text, _MULTIPLIED.sub(_multiplied, text)
    return _PERCENT.sub(r"\\%", text)


def _multiplied(number: re.Match[str]) -> str:
    stated = Decimal(number[1].replace(",", "") + (number[2] or ""))
    product = format(_EXACT.multiply(stated, Decimal(_MULTIPLES[number[3].lower()])), "f")
    return product.rstrip("0").rstrip(".") if "." in product else product
