"""Units, angles, money, percentages, times, ratios, hidden characters: what is one answer and what two, either side."""

from __future__ import annotations

import pytest

from setwise.matching import Gold
from setwise.matching.symbolic import match_math

SAME = {
    "units": [
        (r"5\,\text{cm}", "5 cm"),
        ("5 m", "500 cm"),
        (r"5\text{ m}", r"500\text{ cm}"),
        ("2 hours", "120 minutes"),
        (r"9.8\,\mathrm{m\,s^{-2}}", "9.8 m/s^2"),
        (r"9.8 \frac{\text{m}}{\text{s}^2}", "9.8 m/s²"),
        (r"12\ \text{N}\cdot\text{m}", "12 N·m"),
        (r"5\;\mathrm{kg}", "5000 g"),
        ("3 km/h", "3 kilometers per hour"),
        (r"5~\text{cm}^2", "5 cm²"),
        (r"5\text{ cm}^2", "5 square centimeters"),
        ("1.5 kW", "1500 W"),
        ("4.5e33", "4.5e33 erg/s"),
        (r"\frac{1}{2}\text{ m}", "0.5 m"),
        (r"\sqrt{2}\,\text{m}", "√2 meters"),
        (r"2\pi\text{ cm}", "2π cm"),
        ("1 h 30 min", "90 minutes"),
        ("5 ft 3 in", "63 inches"),
        ("2 hours 30 minutes", "2.5 hours"),
        (r"20^\circ\text{C}", "20 °C"),
        (r"20^{\circ}\mathrm{C}", "20 degrees Celsius"),
        (r"5\,\mu\text{m}", "5 μm"),
        ("50 mL", "0.05 L"),
        ("5cm", "5 cm"),
        (r"12 \text{ apples}", "12 apples"),
        (r"100\text{ people}", "100"),
        (r"3\times10^8\,\mathrm{m/s}", "300000 km/s"),
        (r"5 \Omega", "5 ohms"),
        (r"3\text{ sq. ft}", "3 ft^2"),
    ],
    "angles": [
        (r"90^\circ", "90°"),
        (r"90^{\circ}", "90 degrees"),
        (r"90^\circ", "90"),
        (r"30^\circ", r"\frac{\pi}{6}"),
        (r"\cos 60^\circ", r"\frac12"),
        (r"\sin(30^\circ)", "0.5"),
        ("30°15'", "30.25°"),
        (r"45\degree", r"45^\circ"),
        (r"180^\circ", r"\pi\text{ radians}"),
        (r"\tan 45^\circ", "1"),
    ],
    "percent": [
        (r"28\%", "28%"),
        (r"28\%", "28 percent"),
        (r"28\%", r"28\text{ percent}"),
        (r"28\%", "0.28"),
        ("28 pct", "7/25"),
        ("28 percentage", "28 per cent"),
        (r"12.5\%", r"\frac18"),
        ("28\uff05", "28%"),
    ],
    "money": [
        (r"\$50", "50"),
        ("$50", "50 dollars"),
        ("€50", "50 euros"),
        ("£50", "50 pounds sterling"),
        ("£50", "50 pounds"),
        (r"\$3{,}000", "$3,000"),
        ("$0.50", "50 cents"),
        (r"\$3 million", "3000000"),
        ("50€", "€50"),
        ("-$5", "-5 dollars"),
        ("USD 50", "$50"),
    ],
    "times": [
        ("10:15", "10:15 "),
        ("10:15 AM", "10:15 a.m."),
        ("3:30 pm", "15:30"),
        ("9:05", "09:05"),
        ("3 pm", "15:00"),
        (r"3:30\text{ p.m.}", "3:30 PM"),
        ("12:00 pm", "noon"),
        ("12:00 am", "midnight"),
        ("3:30", "3:30 pm"),
        ("10:15:00", "10:15"),
        ("3 pm", "3:00 p.m."),
        (r"\text{3:30 pm}", "3:30pm"),
        ("12 : 30", "12:30"),
    ],
    "ratios": [
        ("3:4", "6:8"),
        ("3:4", "3 : 4"),
        ("3:4", r"\frac34"),
        ("1:2:3", "2:4:6"),
        (r"3\colon 4", "3:4"),
        (r"2:\sqrt2", r"\sqrt2:1"),
        ("1:1", "5:5"),
        (r"\frac12:1", "1:2"),
    ],
    "invisible": [
        ("5", "5\u200b"),
        ("-5", "\u22125"),
        ("12", "1\u200d2"),
        ("5", "\u200e5\u200f"),
        ("5", "\ufeff5"),
        ("5 cm", "5\xa0cm"),
        ("5 cm", "5\u2009cm"),
        ("2x", "2\u2062x"),
        ("25", "\uff12\uff15"),
        ("25", "\u0662\u0665"),
        ("x+1", "x\u2009+\u20091"),
        ("-5", "\uff0d5"),
        ("-5", "\ufe635"),
        (r"\sin x", "\\sin\u2061x"),
        ("1\u2064\\frac12", "3/2"),
        ("x^2", "\U0001d465^2"),
        (r"\pi", "\U0001d70b"),
        ("5", "\u2066 5\u2069"),
        ("25", "\u0968\u096b"),
        ("3.5", "\u0663.\u0665"),
        ("3.5", "\u0663\u066b\u0665"),
        ("x", r"\, x \;"),
        ("5", r"$\displaystyle 5$"),
        ("5", r"\left.5\right."),
    ],
}

DIFFERENT = {
    "units": [
        (r"5\,\text{cm}", "5 mm"),
        ("5 m", "5 s"),
        ("5 m", "500"),
        (r"1.6 \mathrm{~cm}", "1.6 mm"),
        (r"5\,\mathrm{cm}^2", r"5\,\mathrm{cm}^3"),
        (r"9.8\,\mathrm{m/s}", r"9.8\,\mathrm{m/s^2}"),
        (r"5\,\text{MW}", r"5\,\text{mW}"),
        (r"5\text{ apples}", "5 pears"),
        (r"20^\circ\text{C}", r"20^\circ\text{F}"),
        (r"20^\circ\text{C}", r"20^\circ"),
        ("2 hours", "120"),
        (r"10^{-5}\mathrm{~m}", r"10^{-5}\mathrm{~s}"),
        (r"\sqrt2\text{ m}", r"\sqrt2\text{ cm}"),
        (r"5 \frac{m}{s}", r"5 \frac{s}{m}"),
        ("1 h 30 min", "130 minutes"),
        ("5 kg", "5 km"),
        (r"5\quad\text{cm}", r"5\quad\text{mm}"),
        (r"5\,\text{hours}", "5 minutes"),
    ],
    "angles": [
        (r"90^\circ", r"\pi"),
        (r"30^\circ", "30'"),
        (r"\sin 30", r"\sin 30^\circ"),
        (r"30^\circ", r"60^\circ"),
        ("180", r"\pi"),
    ],
    "percent": [
        (r"28\%", "28"),
        (r"28\%", "2.8"),
        (r"28\%", "29%"),
        ("28 pct", "28"),
    ],
    "money": [
        ("£100", "$100"),
        ("$50", "50 euros"),
        (r"\$50", "50 cents"),
        ("€50", "¥50"),
        ("£50", r"\$50"),
        ("50 dollars", "50 pounds sterling"),
    ],
    "times": [
        ("10:15", "2:3"),
        ("3:30 pm", "3:30 am"),
        ("12:00", "12:30"),
        ("12:00", "1:00"),
        ("0:30", "0:45"),
        ("3:30", "15:30"),
        ("10:15", "10:16"),
        ("10:15", "10.15"),
        ("10:15", "1015"),
        ("12:00 pm", "12:00 am"),
        ("3 pm", "3"),
    ],
    "ratios": [
        ("3:4", "4:3"),
        ("1:2:3", "1:2"),
        ("1:2:3", "3:2:1"),
        ("3:4", "34"),
        ("0:1", "0:0"),
    ],
    "invisible": [
        ("5", "\u22125"),
        ("12", "1\u20092"),
        ("2x", "2\u2062y"),
        ("25", "\u0662\u0666"),
    ],
}


def verdict(gold: str, answer: str) -> int | tuple[str, ...]:
    found = match_math([(answer,)], [Gold(((gold,),), "math")])[0]
    return found.faults or found.right[0]


@pytest.mark.parametrize("kind", SAME)
def test_two_spellings_are_one_answer_from_either_side(kind: str) -> None:
    pairs = [*SAME[kind], *[(b, a) for a, b in SAME[kind]], *[(a, a) for pair in SAME[kind] for a in pair]]
    assert {pair: got for pair in pairs if (got := verdict(*pair)) != 1} == {}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_two_answers_are_two_from_either_side(kind: str) -> None:
    pairs = [*DIFFERENT[kind], *[(b, a) for a, b in DIFFERENT[kind]]]
    assert {pair: got for pair in pairs if (got := verdict(*pair)) != 0} == {}
