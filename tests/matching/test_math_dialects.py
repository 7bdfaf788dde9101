"""Dialects of mathematics: packages, plain TeX, words, and the names that equations give to what they state."""

from __future__ import annotations

import pytest

from setwise.matching import Gold, expressions, text
from setwise.matching.symbolic import match_math

SAME = [
    *[(r"\SI{5}{\kilo\gram}", "5 kg"), (r"5\,\unit{\meter\per\second}", "5 m/s"), (r"\num{1e5}", "100000")],
    *[(r"\SI{9.8}{\meter\per\second\squared}", "9.8 m/s^2"), (r"\SI{5}{\kilogram\per\cubic\meter}", "5 kg/m^3")],
    *[(r"5{\rm cm}", "50 mm"), (r"5\,\rm{cm}", "50 mm"), (r"5\,\mathit{cm}", "5 cm"), (r"5\kern1pt\text{s}", "5 s")],
    *[("1 hour and 30 minutes", "90 minutes"), ("5'6\"", "66 inches"), ("5 cm^3", "5 cc"), ("3 AU", "3 au")],
    *[
        ("120 rpm", "2 rev/s"),
        (r"2\,\mathrm{M}\Omega", "2 megaohm"),
        ("10 parsecs", "10 pc"),
        ("13.6 eV", "13.6 electron volts"),
    ],
    *[("2 to the 10th power", "1024"), ("x squared", "x^2"), ("square root of 2", r"\sqrt{2}")],
    *[("{}^{10}C_{3}", "120"), ("C_{10}^{3}", "120"), ("^{10}P_3", "720"), (r"\nicefrac{1}{2}", "^1/_2")],
    *[("1.2x10^3", "1200"), ("1_000", "1000"), (r"0.123\,456", "0.123456"), ("0.3 repeating", r"\frac13")],
    *[("1,000, 2,000", r"\{1000, 2000\}"), (r"33\frac13\%", r"\frac13"), (r"20\mathrm{\%}", "20%")],
    *[(r"\text{\$}50", "50 dollars"), (r"\$2.5M", r"\$2,500,000"), ("Rs. 500", "₹500"), ("45^{o}", r"45^\circ")],
    *[(r"\pmatrix{1&2\cr3&4}", "[[1,2],[3,4]]"), (r"\begin{bmatrix*}[r]1\\*2\end{bmatrix*}", "(1,2)")],
    *[(r"\begin{pmatrix}1&2\newline3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}")],
    *[(r"\overline{3+4i}", "3-4i"), (r"2\operatorname{cis} 90^\circ", "2i"), (r"5\angle 90^\circ", "5i")],
    *[(r"|x-1|\le 3", "[-2,4]"), ("|2x-1|>3", r"(-\infty,-1)\cup(2,\infty)"), (r"(2,5)\cap(3,7)", "(3,5)")],
    *[(r"\emptyset", "no solution"), ("no real solutions", "empty set"), (r"\text{all real } x", r"\mathbb{R}")],
    *[(r"\{2k\pi : k\in\mathbb{Z}\}", r"\{2k\pi \mid k\in\mathbb Z\}"), (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}")],
    *[("The answer is $5$.", "5"), (r"\color{red}{5}", "5"), (r"\textcolor{red}{\boxed{5}}", "5"), ("#### 5", "5")],
    *[("`5`", '"5"'), (r"\begin{equation}5\end{equation}", "Answer: 5"), (r"\phantom{x}5", "5"), ("about 42", "42")],
    *[("P(A|B)=0.5", "0.5"), (r"\angle ABC = 30^\circ", r"30^\circ"), ("|AB| = 5", "5"), ("y' = 2x", "2x")],
    *[("2+3=5", "5"), ("xy", "yx"), (r"(\text{C})", "C"), ("A)", "(A)"), ("42.", "42")],
    *[(r"\mathrm{H}_2\mathrm{O}", "H2O"), (r"\ce{H2O}", "H_2O"), (r"\mathrm{Na}^+", "Na^{+}"), ("5th", "5")],
]
DIFFERENT = [
    *[(r"\SI{5}{\kilo\gram}", "5 g"), (r"\qty{5}{\milli\metre}", "5 m"), ("1 hour and 30 minutes", "1 hour")],
    *[("5'6\"", "5'8\""), ("10 parsecs", "10 light-years"), ("3 meters and 4 meters", "7 meters")],
    *[("x squared", "x"), ("square root of 2", "2"), ("^{10}C_3", "^{10}P_3"), ("forty-two", "42")],
    *[("1,000, 2,000", "1,0,2000"), ("(1,000, 2)", "(1,0,2)"), ("2.5 M", "2500000")],
    *[("[[1,2],[3,4]]", "[[1,3],[2,4]]"), (r"\overline{3+4i}", "3+4i"), (r"5\angle 90^\circ", r"5\angle 80^\circ")],
    *[("|x-1|<3", "[-2,4]"), (r"[0,2]\cap[1,3]", "[0,3]"), ("no solution", "0"), (r"\emptyset", r"\{0\}")],
    *[(r"\{2k\pi : k\in\mathbb{Z}\}", r"\{k\pi : k\in\mathbb{Z}\}"), (r"\sqrt{x}\sqrt{y}", r"\sqrt{x+y}")],
    *[("The answer is not 5", "5"), ("The answer is -5", "5"), ("P(A|B)=0.5", "P(B|A)=0.5"), ("f(2)=5", "f(3)=5")],
    *[("y'=2x", "y=2x"), ("x(x+1)=0", "0"), ("f(x+1)=x^2", "x^2"), ("2+3=6", "5"), ("xy", "xz")],
    *[("H_2O", "H_2O_2"), ("NO_3^-", "NO_3"), (r"\mathrm{Fe}^{2+}", r"\mathrm{Fe}^{3+}"), ("CO", "CO_2")],
    *[("3 (4 5", "345"), (r"\frac{3}{4", "34"), ("(a+b!/c", "a+(b!/c"), ("5th", "6th"), (r"\sqrt{x^2}", "x")],
]


def match(gold: str, answer: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    found = match_math([(answer,)], [Gold(((gold,),), "math")])[0]
    return found.right, found.faults


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_answer_in_two_dialects(one: str, other: str) -> None:
    assert match(one, other) == match(other, one) == ((1,), ())


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_answers_in_one_dialect(one: str, other: str) -> None:
    assert match(one, other) == match(other, one) == ((0,), ())


def test_a_matrix_that_is_not_worked_out_is_undecided() -> None:
    matrix = r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"
    assert match(matrix, matrix + "^{-1}") == match(matrix + "^{-1}", matrix) == ((0,), ("math_undecided",))


def test_long_answers_are_not_kept_in_memory() -> None:
    long = "word " * 1000
    before = (expressions._prepare.cache_info().currsize, text._normalise.cache_info().currsize)
    assert expressions.prepare(long).value == expressions.prepare(long.upper()).value
    assert (expressions._prepare.cache_info().currsize, text._normalise.cache_info().currsize) == before
