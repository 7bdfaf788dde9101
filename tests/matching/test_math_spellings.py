"""Spellings of everyday answers, from either side; and what holds for any two texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise.matching import Gold
from setwise.matching.equality import Comparison
from setwise.matching.expressions import prepare
from setwise.matching.math_pool import Verdict
from setwise.matching.symbolic import match_math

SAME = [
    (r"x=5\text{ m}", "5 m"),
    (r"5\text{ m}", "x = 5 m"),
    (r"\frac{1}{3}", "0.333333"),
    (r"12\text{ cm}^3", "12 cubic centimeters"),
    (r"\$12.50", "12.50 dollars"),
    ("25 mph", "25 miles per hour"),
    (r"\frac{3}{4}\pi", r"\frac{3\pi}{4}"),
    (r"2\sqrt{3}", r"\sqrt{12}"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    (r"\frac{-1}{-2}", "1/2"),
    (r"(-\infty, 2] \cup [3, \infty)", r"x \le 2 or x \ge 3"),
    (r"6\text{ units}^2", "6 square units"),
    (r"6\text{ square units}", "6"),
    (r"5:30\text{ p.m.}", "17:30"),
    (r"\text{(C)}", "C"),
    (r"\text{C}", "C"),
    (r"\text{Monday}", "Monday"),
    (r"\frac{\pi}{4}", r"45^\circ"),
    ("10!", "3628800"),
    (r"\frac{9!}{3!6!}", "84"),
    ("2^{-400}", "4^{-200}"),
    ("0.1+0.2", "0.3"),
    ("1e-7", "10^{-7}"),
    (r"\log_{2}{8}", "3"),
    (r"\ln(e)", "1"),
    (r"\sqrt[4]{16}", "2"),
    (r"3 \cdot 10^{8}", "3e8"),
    ("(2, 3)", "x=2, y=3"),
    (r"\{x | x > 2\}", "x>2"),
    ("a^2+2ab+b^2", "(a+b)^2"),
    (r"\frac{a}{b}", "a/b"),
    ("x^{-1}", "1/x"),
    ("n(n+1)/2", r"\frac{n^2+n}{2}"),
    ("f(x) = x^2", "y = x^2"),
    (r"5 \times 5 \times 5", "125"),
    (r"\left\lfloor 2.5 \right\rfloor", "2"),
    ("100°F", r"100^\circ F"),
    ("37 °C", r"37^{\circ} C"),
    (r"2.0 \times 10^{3}\,\text{kg}", "2000 kg"),
    ("1,000 m", "1 km"),
    ("$1{,}234.50$", "1234.5"),
    ("1.234,5", "1.234,5"),
    (r"3\text{ dollars}", r"\$3"),
    (r"20\text{ cents}", "$0.20"),
    (r"4\frac{1}{2}\text{ hours}", "4.5 hours"),
    ("4.5 h", "270 min"),
    (r"\mathbb{R}^+", r"\mathbb{R}^+"),
    (r"\begin{cases} x=1 \\ y=2\end{cases}", r"\begin{cases}x=1\\y=2\end{cases}"),
    (r"\vec{v} = (1,2)", "(1,2)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\left(\begin{array}{c}1\\2\end{array}\right)"),
    (r"x \in \{1,2\}", r"\{1,2\}"),
    ("x=1,2", r"\{1,2\}"),
    ("x_1=1, x_2=2", "x_2=2,x_1=1"),
    ("1 < x", "x > 1"),
    ("60 km/h", "60 kilometers/hour"),
    (r"4 \text{ m/s}^2", "4 m/s^2"),
    ("e", r"\mathrm{e}"),
    (r"\{1,2,3\}", "{3,2,1}"),
    (r"\emptyset", r"\{\}"),
    ("no solution", "No solution."),
    (r"\frac{1}{2}\%", "0.5%"),
    ("50 percent", "0.5"),
    ("1/2", r"50\text{ percent}"),
    (r"\boxed{5}", "5"),
    ("5.", "5"),
    ("5,", "5"),
    ("**5**", "5"),
    ("$x$ = 5", "5"),
    ("x = $5$", "5"),
    ("$2$ and $3$", "2, 3"),
    ("$5$ cm", "5 cm"),
    ("$5$ dollars", r"\$5"),
    (r"2 \mod 5", r"2 \mod 5"),
    (r"x\equiv 2 \pmod 5", r"x \equiv 2 \pmod{5}"),
    ("14_{8}", "12"),
    (r"\overline{3}", r"\overline{3}"),
    (r"0.\overline{12}", "12/99"),
    (".5", "0.5"),
    ("5e3", "5000"),
    (r"3\,\mathrm{kg\cdot m/s}", "3 kg m/s"),
    (r"5 \mathrm{km}", "5000 m"),
    (r"12\text{ in.}", "1 foot"),
    (r"6\text{ ft. }2\text{ in.}", "74 inches"),
    ("3:00", "3:00"),
    ("7 o'clock", "7:00"),
    (r"\sin^{-1}(\frac12)", r"30^\circ"),
    (r"\arctan(1)", r"\pi/4"),
    ("(x+1)(x-1)", "x^2-1"),
    ("2^{3^2}", "512"),
    ("y = mx + b", "y=b+mx"),
    (r"A=\pi r^2", r"\pi r^2"),
    (r"\frac{x}{2}+\frac{x}{3}", r"\frac{5x}{6}"),
    ("|x-1|", "|1-x|"),
    (r"5\choose 2", "10"),
    ("C(5,2)", "C(5,2)"),
    ("2+3i", "(2+3i)"),
    ("i", r"\sqrt{-1}"),
    ("-i", r"\frac{1}{i}"),
    (r"\frac{3+4i}{5}", "0.6+0.8i"),
    (r"\frac{1}{2}", "0.5000"),
    (r"5\,000", "5000"),
    ("5\u2009000", "5000"),
    ("\u22123", "-3"),
    ("\\text{\u22123}", "-3"),
    (r"10\text{:}15", "10:15"),
    (r"10\!:\!15", "10:15"),
    ("$10:15$", "10:15"),
    (r"10:15\text{ am}", "10:15 AM"),
    ("2{:}3", "4:6"),
    (r"5\text{ m/s}", "5 m s^{-1}"),
    (r"5\frac{\text{km}}{\text{h}}", "5 km/h"),
    (r"5\,\mathrm{m}\cdot\mathrm{s}^{-1}", "5 m/s"),
    (r"5 \mathrm{\frac{m}{s}}", "5 m/s"),
    (r"5\ \rm{cm}", "5 cm"),
    (r"5 {\rm cm}", "5 cm"),
    (r"5\,\si{cm}", "5 cm"),
    (r"\SI{5}{cm}", "5 cm"),
    (r"5\operatorname{cm}", "5 cm"),
    (r"\qty{5}{cm}", "5 cm"),
    ("1011_{(2)}", "11"),
    (r"\text{0x1F}", "31"),
    (r"\mathtt{0x1F}", "31"),
    ("(1A)_{16}", "26"),
    (r"1101\text{ base }2", "13"),
    ("1101 (base 2)", "13"),
    ("1101 base 2", "13"),
    (r"0.\overline{09}", "1/11"),
    ("0.1666...", "1/6"),
    (r"0.166\overline{6}", "1/6"),
    (r"0.\dot{1}\dot{2}", "4/33"),
    ("0.3\u0305", "1/3"),
    (r"3+4\imath", "3+4i"),
    (r"3+4\mathbf{i}", "3+4i"),
    ("4i + 3", "3 + 4i"),
    (r"5e^{i\pi}", "-5"),
    (r"\cos\frac{\pi}{2} + i\sin\frac{\pi}{2}", "i"),
    (r"x=2\text{ or }3", "2,3"),
    (r"x = 2 \quad \text{or} \quad x = 3", "2,3"),
    ("x=2, x=3", r"\{2,3\}"),
    (r"2 \text{ and } -2", r"\pm 2"),
    (r"\begin{bmatrix} 1 & 2 \cr 3 & 4 \end{bmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"\left[\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"\det\begin{pmatrix}1&2\\3&4\end{pmatrix}", "-2"),
    (r"\begin{pmatrix}1\cdot 2\\3\end{pmatrix}", r"\begin{pmatrix}2\\3\end{pmatrix}"),
    (r"A=\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}.", "(1, 2)"),
    (r"50 \text{ USD}", "$50"),
    ("50 US dollars", "$50"),
    ("US$50", "$50"),
    (r"\text{\$50}", "$50"),
    (r"$\$50$", "50"),
    ("50¢", "$0.5"),
    ("EUR 50", "50 €"),
    ("90 deg", "90°"),
    (r"\frac{\pi}{2}\text{ rad}", r"90^\circ"),
    (r"\cos(60°)", "1/2"),
    (r"\sin(30 degrees)", "1/2"),
    (r"\tan(45 deg)", "1"),
    (r"30^\circ + 15^\circ", r"45^\circ"),
    (r"2 \times 30^\circ", r"60^\circ"),
    ("-40°C", "-40 degrees Celsius"),
    ("300 K", "300 kelvin"),
    (r"28\ \%", "28%"),
    (r"28\text{\%}", "28%"),
    (r"28 \text{ per cent}", "28%"),
    (r"x\leq 3", r"(-\infty,3]"),
    (r"-1\le x<2", "[-1,2)"),
    (r"2>x\ge-1", "[-1,2)"),
    (r"x\in(-\infty,3]", r"x\le3"),
    (r"x \in \mathbb{R}, x \ne 2", r"x \ne 2"),
    ("(-1,1)", "|x|<1"),
    (r"|x| \le 2", "[-2,2]"),
    (r"x<-1\text{ or }x>1", "|x|>1"),
    (r"\{x:|x|<1\}", "(-1,1)"),
    ("1.0e3", "1000"),
    ("1.5E+3", "1500"),
    ("6.02 x 10^23", "6.02e23"),
    ("6.02 x 10^{23}", r"6.02\times10^{23}"),
    ("6.02·10^23", "6.02e23"),
    ("2 1/2", "5/2"),
    ("2-1/2", "3/2"),
    ("2 ½", "2.5"),
    (r"1\tfrac{1}{2}", "3/2"),
    (r"\sqrt 2", r"\sqrt{2}"),
    (r"\sqrt 16", "4"),
    ("3/4 cup", "0.75 cups"),
    ("3 m 20 cm", "320 cm"),
    ("1 day", "24 hours"),
    ("1 week", "7 days"),
    ("2 dozen", "24"),
    ("36 in^3", "36 cubic inches"),
    ("10^3 kg", "1 tonne"),
    ("1 kWh", "3.6 MJ"),
    ("4.2 J/(g·K)", r"4.2 \text{J g}^{-1}\text{K}^{-1}"),
    ("1.6e-19 C", r"1.6\times 10^{-19} \text{ coulombs}"),
    (r"5 \times 10^{-6}\text{ m}", "5 μm"),
    (r"5\,\text{Hz}", "5 s^{-1}"),
    ("5 mol/L", "5 M"),
]
DIFFERENT = [
    ("5 kg", "5 g"),
    (r"\frac{1}{2}", r"\frac{1}{3}"),
    ("(2,3)", "(2,4)"),
    (r"5\text{ m}", r"5\text{ ft}"),
    (r"\text{(C)}", r"\text{(D)}"),
    ("x^2", "x^3"),
    ("a+b", "a-b"),
    ("1 < x", r"x \ge 1"),
    (r"\$5", r"5\%"),
    (r"5\%", r"5\text{ cm}"),
    ("3:00", "3"),
    ("Monday", "Tuesday"),
    (r"\text{C}", r"\text{D}"),
    (r"5\text{ red}", r"5\text{ blue}"),
    ("0.5", "0.50001"),
    ("1e-7", "1e-8"),
    (r"\frac{\pi}{4}", r"\frac{\pi}{3}"),
    ("3.14159", "3.14160"),
    ("1/3", "0.333334"),
    ("100", "100.0000001"),
    (r"x\equiv 2 \pmod 5", r"x\equiv 3 \pmod 5"),
    (r"\overline{12}", "12"),
    ("x+y", "xy"),
    ("2^3", r"2\cdot 3"),
    (r"\sqrt{2}", "1.414"),
    (r"5 \mathrm{foo}", r"5 \mathrm{bar}"),
    (r"\int x dx", r"\int y dy"),
    ("A", "a"),
    ("(a,b)", "(b,a)"),
    ("e^x", "e^{2x}"),
    ("5'", "5''"),
    ("1 000", "1"),
    (r"\sum_{k=1}^3 k", "7"),
    ("10^{10^{10}}", "10^{10^{11}}"),
    ("2^{10^6}", "2^{10^6}+1"),
    ("(10^{9})!", "(10^9+1)!"),
    (r"\frac{1}{10^{500}}", "0"),
    ("e^{-e^{10}}", "e^{-e^{11}}"),
    ("3^{700}", "3^{700}+1"),
    (r"\sin(10^{-30})", "10^{-30}"),
    (r"\SI{5}{cm}", "5 mm"),
    (r"5 {\rm cm}", "5 mm"),
    (r"5\operatorname{cm}", r"5\operatorname{mm}"),
    (r"5\unit{cm}", "5 mm"),
    ("1101 base 2", "1101"),
    (r"\overline{3+4i}", "3+4i"),
    ("10:15", "10:15 pm 2"),
    ("12 noon", "12 midnight"),
    (r"\sin 30°", r"\sin 30"),
    ("1:30:00", "1:30:30"),
    (r"2 {\rm kg}", r"2 {\rm g}"),
    (r"\ln x", r"\log_{10} x"),
    (r"\log 8", r"\ln 100"),
    ("|x|<1", "[-1,1]"),
    ("x^2", "x^{-2}"),
    (r"\dot{x}", "x"),
    ("x'", "x"),
    (r"\hat{x}", "y"),
    (r"\vec{a}", r"\vec{b}"),
    ("2^{64}", "2^{64}-1"),
    ("1e400", "1e-400"),
    ("0", "10^{-1000}"),
    ("1", "1+10^{-1000}"),
    (r"\pi", r"\pi+10^{-200}"),
    (r"\sqrt{2}", r"\sqrt{2}+10^{-500}"),
    ("5", "5i"),
    ("(1,2)", r"\begin{pmatrix}1&2\\0&0\end{pmatrix}"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}-2\end{pmatrix}"),
]
PIECES = [
    "\\frac{", "}", "{", "(", ")", "[", "]", "^", "_", "\\sqrt", "1", "2.5", "x", "\\text{", "cm", "\\,",
    "$", "\\$", "%", "\\pm",
    "\\cup", "|", "!", ":", "10:15", "pm", "\\\\", "&",
    "\\begin{pmatrix}", "\\end{pmatrix}", "\\overline{", " or ", ",", "<",
    "=", "e", "i", "\\infty", "\\sin", "\\log_", "°", "\\mu", "'", "...", "-", "*",
    "/", "_{16}", "0x", "²", "½", "٣", "\ud800",
]  # fmt: skip


def match(gold: str, *answers: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    found = match_math([answers], [Gold(((gold,),), "math")])[0]
    return found.right, found.faults


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_answer_in_two_spellings(one: str, other: str) -> None:
    assert match(one, other) == match(other, one) == ((1,), ())


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_answers(one: str, other: str) -> None:
    assert match(one, other) == match(other, one) == ((0,), ())


@settings(max_examples=300, deadline=None)
@given(*[st.lists(st.sampled_from(PIECES), max_size=12).map("".join)] * 2)
def test_any_text_is_itself_and_no_order_matters(first: str, second: str) -> None:
    one, other = prepare(first), prepare(second)
    forward, backward = Comparison({}), Comparison({})
    assert (forward.equal(one, other), forward.missing) == (backward.equal(other, one), backward.missing)
    assert Comparison({}).equal(one, one) is Verdict.EQUAL


@settings(max_examples=200, deadline=None)
@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6), st.integers(-500, 500))
def test_numbers_are_compared_exactly_at_any_size(one: object, other: object, power: int) -> None:
    texts = [f"\\frac{{{value.numerator}}}{{{value.denominator}}}\\cdot10^{{{power}}}" for value in (one, other)]  # type: ignore[attr-defined]
    assert match(*texts) == ((int(one == other),), ())


def test_what_the_algebra_cannot_tell_is_undecided_and_not_equal() -> None:
    assert match("x^2<4", "(-2,2)") == ((0,), ("math_undecided",))


def test_a_text_that_nobody_can_read_is_wrong_and_not_undecided() -> None:
    assert match("5", "\\foo 5 \\bar") == ((0,), ())


def test_answers_with_one_canonical_text_that_differ_have_two_keys() -> None:
    found = match_math([("x=5", "y=5", "x = 5")], [Gold((("7",),), "math")])[0]
    assert found.keys[0] != found.keys[1] and found.keys[0] == found.keys[2]


@pytest.mark.parametrize("letter", "abntxyz")
def test_a_root_of_a_square_is_no_letter_whichever_it_is(letter: str) -> None:
    assert match(f"\\sqrt{{{letter}^2}}", letter) == ((0,), ())


@pytest.mark.parametrize("text", ["7", "10:15:30", "5 m", "none", "\\foo", "{1, 2}"])
def test_an_answer_stated_twice_in_the_same_letters_is_a_duplicate(text: str) -> None:
    found = match_math([(text, "8", text)], [Gold((("987654",),), "math")])[0]
    assert found.keys[0] == found.keys[2] != found.keys[1] and not found.faults
