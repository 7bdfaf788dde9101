"""Normalised text: what does not change the meaning does not count, and what does change it does."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.answers import AnswerSet, Layout, render
from setwise.answers.visible import shows
from setwise.matching import Gold, judge
from setwise.matching.characters import canonical
from setwise.matching.text import match_text, normalise_text

SAME = [
    [
        "Paris",
        "Paris.",
        "the Paris",
        "PARIS",
        " paris\n",
        '"Paris"',
        "**Paris**",
        "Paris\u200b",
        "The Paris!",
        "Ｐaris",
    ],
    ["42", "$42$", "\\boxed{42}", "$\\boxed{42}$", "42.", "(42)", "+42"],
    ["6960", "6,960", "$6,960", "6,960."],
    ["-5", "−5", "–5", "(-5)", "-$5", "$-5"],
    ["1/2", "½", "1 / 2", "1⁄2"],
    ["1990-1995", "1990–1995", "1990 - 1995"],
    ["<5", "< 5"],
    ["n=5", "n = 5"],
    ["new ford", "new> ford", "new >ford", "new \x00ford"],
    ["0.5", ".5"],
    ["-1/2", "-½", "−½", "(-½)", "-½."],
    ["-5", "-(5)"],
    ["x-1", "x - 1", "x − 1", "X–1", "x - 1."],
    ["2x+1", "2x + 1"],
    ["2+3", "2 + 3"],
    ["-√2", "−√2", "(-√2)"],
    ["-x", "−x", '"-X"'],
    ["O-", "O -", "o −", "O -.", '"O -"'],
    ["F-16", "F16", "f‑16"],
    ["Star Wars - Episode IV", "Star Wars – Episode IV", "Star Wars Episode IV"],
    ["a major city", "major city"],
    ["a 30 minute walk", "30 minute walk"],
    ["10^2", "10²"],
    ["U.S.", "US", "the U.S."],
    ["O'Brien", "O’Brien", "OBrien"],
    ["a spirit", "A spirit", "spirit", '"A spirit"'],
    ['the "Aristocats"', '"The Aristocats"', "Aristocats"],
    ["Hank Williams, Jr.", "Hank Williams Jr"],
    ["3:30 p.m.", "3:30 pm"],
    ["Guillain-Barré", "guillain-barré", "Guillain-Barre\u0301"],
    ["O⁺", "O+", "O^+", "O^{+}", "O ⁺"],
    ["Ca²⁺", "Ca2+", "Ca^{2+}", "Ca^2+", "$Ca^{2+}$"],
    ["SO₄²⁻", "SO4^2-", "SO_4^{2-}"],
    ["e⁻", "e-", "e^-"],
    ["H₂O", "H2O", "H_2O", "H_{2}O"],
    ["101₂", "101_2", "101_{2}"],
    ["10⁻³", "10^-3", "10^{-3}", "10^(-3)"],
    ["xⁿ", "x^n"],
    ["km²", "km^2", "㎢"],
    ["2020", "٢٠٢٠", "۲۰۲۰", "२०२०", "২০২০", "２０２０"],
    ["٣٫٥", "3.5"],
    ["1½", "1 1/2"],
    [">=5", "≥5", "≥ 5", "⩾5"],
    ["<=5", "≤5", "≦5"],
    ["!=5", "≠5", "=\u0338 5"],
    ["x > y", "x>y"],
    ["C♯", "C#"],
    ["B♭ major", "Bb major"],
    ["Simon & Garfunkel", "Simon and Garfunkel", "Simon＆Garfunkel"],
    ["R&B", "R & B", "R and B"],
    ["3*4", "3×4", "3x4", "3 × 4", "3 x 4", "3 * 4"],
    ["10×", "10x"],
    ["50%", "50 %", "50 percent", "50 per cent", "50٪", "50\\%", "50％"],
    ["£100", "£ 100", "100 £", "100£", "￡100"],
    ["-£5", "£-5", "−£5"],
    ["5°", "5 °", "5 degrees", "5º"],
    ["5 °C", "5°C", "5℃"],
    ["±5", "+/-5", "+-5"],
    ["1000", "1,000", "1\u202f000", "1\u00a0000", "1'000"],
    ["J. R. R. Tolkien", "J.R.R. Tolkien", "JRR Tolkien", "J R R Tolkien", "J.R.R.Tolkien"],
    ["George W. Bush", "George W Bush"],
    ["Jean-Paul", "Jean Paul", "Jean‑Paul", "Jean–Paul"],
    ["non-Hodgkin lymphoma", "non Hodgkin lymphoma", "nonhodgkin lymphoma"],
    ["pre-eclampsia", "preeclampsia"],
    ["B-12", "B12", "B 12"],
    ["type-1 diabetes", "type 1 diabetes"],
    ["HER-2", "HER2"],
    ["30-minute", "30 minute", "30minute"],
    ["Paris, France", "Paris,France", "Paris (France)", "Paris/France"],
    ["O'Brien", "O’Brien", "O´Brien", "O`Brien", "Oʼbrien"],
    ["St. Louis", "St Louis"],
    ["U. S.", "U.S."],
    ["fish", "ﬁsh"],
    ["Straße", "STRASSE"],
    ["İstanbul", "istanbul", "ISTANBUL"],
    ["Iğdır", "IĞDIR", "iğdır"],
    ["IV", "Ⅳ"],
    ["Windows", "Windows™", "Windows®"],
    ["می\u200cخواهم", "می خواهم"],
    ["New York", "New\u00a0York", "New\u2009York", "New\u3000York", "New\u2028York"],
    ["2n - 1", "2n-1"],
    ["z-1", "z - 1", "z−1"],
]
DIFFERENT = [
    ["5", "-5", "0.5", "55", "<5", ">5", "#5", "5+", "√5", "5^2", "52"],
    ["15", "1.5", "1/5", "1-5", "1:5", "1+5", "1^5", "1 5"],
    ["C", "C++", "C#"],
    ["A", "The", "An", "B"],
    ["A+", "A-", "A"],
    ["Hepatitis A", "Hepatitis B", "Hepatitis"],
    ["Group A streptococcus", "Group B streptococcus", "Group streptococcus"],
    ["A. Smith", "B. Smith", "Smith"],
    ["12", "1,2", "1.2", "1/2"],
    ["1e-5", "1e5"],
    ["3/-4", "3/4"],
    ["11/2", "1½"],
    ["1.000,5", "1000.5"],
    ["?", "!", "..."],
    ["1/2", "-1/2", "1½", "-1½"],
    ["-½", "½", "-5"],
    ["x - 1", "x + 1", "x1", "x 1", "1-x", "1+x", "1x"],
    ["2x - 1", "2x1", "2x + 1"],
    ["√2", "-√2", "5-√2", "5√2"],
    ["∞", "-∞", "+∞ -∞"],
    ["π", "-π", "-2π"],
    ["x", "-x"],
    ["a - b", "a + b", "a b"],
    ["n - 1", "n + 1", "n 1"],
    ["2 + 3", "2 3", "23", "2 - 3"],
    ["O +", "O -", "O", "O + and O -"],
    ["AB +", "AB -", "AB"],
    ["A-.", "A."],
    ["salt + pepper", "salt pepper"],
    ["A 380", "380"],
    ["A minor", "minor", "A major"],
    ["A flat major", "flat major"],
    ["A negative", "negative"],
    ["O⁺", "O⁻", "O"],
    ["HER2⁺", "HER2⁻", "HER2"],
    ["Ca²⁺", "Ca⁺", "Ca²⁻", "Ca²", "Ca"],
    ["x²", "x2", "x³"],
    ["101₂", "1012", "101", "101₈"],
    ["log₂8", "log28"],
    ["≤5", "≥5", "<5", ">5", "5", "≠5", "=5"],
    ["x > y", "x < y", "x y", "x ≥ y", "xy"],
    ["cats > dogs", "cats < dogs", "cats dogs"],
    ["£100", "€100", "$100", "¥100", "₹100"],
    ["50%", "50", "50‰", "50°"],
    ["±5", "-5", "5"],
    ["z-1", "z1", "z+1"],
    ["2n-1", "2n1", "2n+1"],
    ["5-10", "510", "5 10"],
    ["10:30", "1030", "10.30"],
    ["α", "a"],
    ["A♯", "A♭", "A"],
    ["résumé", "resume"],
    ["A. Smith", "Smith", "B. Smith"],
    ["Paris France", "ParisFrance"],
    ["😀", "😃", "?"],
    ["¿", "¡", "?", "。", "、", "‽"],
    ["❤\ufe0f", "💛"],
    ["\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e007f"],
    ["نامه\u200cای", "نام\u200cهای"],
    ["क्\u200dष", "क्ष"],
]


@pytest.mark.parametrize("group", SAME, ids=lambda group: group[0])
def test_spellings_of_one_answer_are_one(group: list[str]) -> None:
    assert {normalise_text(text) for text in group} == {normalise_text(group[0])}


@pytest.mark.parametrize("group", DIFFERENT, ids=lambda group: group[0])
def test_answers_of_different_meaning_stay_different(group: list[str]) -> None:
    for one, other in combinations(group, 2):
        assert normalise_text(one) != normalise_text(other), (one, other)


@given(st.text())
def test_a_text_becomes_empty_exactly_if_nothing_of_it_shows(text: str) -> None:
    assert bool(normalise_text(text)) == shows(text)


@given(st.text(st.characters(codec="ascii")))
def test_case_and_outer_space_never_count(text: str) -> None:
    assert normalise_text(f"  {text.upper()}\n") == normalise_text(text.lower())


PIECES = [
    *"aabxyzno519 .,^_{}%£$²⁺⁻₂½×°&<>=!#'()-+/\\*é—−♭√±πßİﬁ…٣",
    "the ",
    "an",
    "a ",
    "non",
    "degrees",
    "percent",
    "\u200b",
]
texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.text(max_size=9))
INVISIBLE = "\u00ad\u034f\u061c\u200b\u200e\u200f\u202a\u202c\u2060\u2066\u2069\ufe0f\ufeff\U000e0041\U000e0100"


@given(texts)
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    assert normalise_text(normalise_text(text)) == normalise_text(text)


@given(st.integers(0, 10**6), st.sampled_from("٠۰०০０߀"))
def test_digits_of_every_script_are_digits(number: int, zero: str) -> None:
    assert normalise_text("".join(chr(ord(zero) + int(digit)) for digit in str(number))) == str(number)


@given(st.sampled_from("ABCOHNe"), st.integers(0, 30), st.sampled_from("+-"))
def test_a_raised_charge_is_a_charge_and_never_another(name: str, number: int, sign: str) -> None:
    written = str(number or "") + sign
    raised = name + written.translate(str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"))
    assert normalise_text(raised) == normalise_text(f"{name}^{{{written}}}") == normalise_text(name + written)
    other = {"+": "⁻", "-": "⁺"}[sign]
    assert len({normalise_text(text) for text in (raised, raised[:-1] + other, raised[:-1])}) == 3


@given(st.integers(-99, 99), st.sampled_from(["", "%", "°", "£", "€", "‰"]), st.sampled_from(["", "<", ">=", "≠", "±"]))
def test_numbers_with_other_signs_are_other_answers(number: int, unit: str, before: str) -> None:
    one = normalise_text(f"{before}{number}{unit}")
    for other in (
        f"{before}{number}" if unit else f"{number}%",
        f"{before}{-number or 5}{unit}",
        f"{before}{number}5{unit}",
    ):
        assert normalise_text(other) != one, other


@given(st.text("abcdef 12-é½²\u0301", min_size=1, max_size=12), st.sampled_from(INVISIBLE), st.integers(0, 12))
def test_what_does_not_show_does_not_count(text: str, unseen: str, place: int) -> None:
    assert normalise_text(text[:place] + unseen + text[place:]) == normalise_text(text)


MARKS = st.text(
    st.characters(categories=["Po", "Ps", "Pe", "Pi", "Pf"], exclude_characters="#"), min_size=1, max_size=2
)


@given(MARKS, MARKS)
def test_answers_of_marks_alone_are_the_same_only_if_their_marks_are(one: str, other: str) -> None:
    assert normalise_text(one)
    assert (normalise_text(one) == normalise_text(other)) == (canonical(one) == canonical(other))


def test_an_answer_that_shows_nothing_is_right_for_no_gold() -> None:
    """The parser refuses such an answer; a gold that says nothing must not make it right all the same."""
    assert match_text([("", " ")], [Gold((("",), ("Oslo",)))])[0].right == (0, 0)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        "1,",
        "1,234",
        "-",
        "$",
        "1 - ",
        "the ",
        "a ",
        "<",
        "^1",
        "\\boxed{",
        "½",
        "#+",
        "é ",
        "x - ",
        "1 + ",
        "-½",
        "-√",
        "a -.,",
    ],
)
def test_a_long_answer_takes_time_linear_in_its_length(unit: str) -> None:
    """Anything quadratic in half a megabyte takes hours."""
    assert normalise_text(unit * (2**19 // len(unit)))


def test_any_alias_matches_and_two_aliases_are_the_same_answer() -> None:
    gold = Gold((("Cassius Clay", "Muhammad Ali"), ("Joe Frazier",)))
    layout = Layout(2)
    right = judge(render(AnswerSet(("Muhammad Ali", "joe frazier")), layout), gold, layout)
    assert (right.hits, right.keys) == ((1, 1), ("gold:0", "gold:1"))
    twice = judge(render(AnswerSet(("Muhammad Ali", "Cassius Clay")), layout), gold, layout)
    assert (twice.hits, twice.reason) == ((0, 0), "duplicate")


def test_gold_answers_that_share_an_alias_are_one_answer() -> None:
    gold = Gold((("NYC", "New York"), ("LA",), ("New York", "The Big Apple"), ("Big Apple!",)))
    layout = Layout(2)
    twice = judge(render(AnswerSet(("NYC", "The Big Apple")), layout), gold, layout)
    assert (twice.keys, twice.reason) == (("gold:0", "gold:0"), "duplicate")
    assert judge(render(AnswerSet(("NYC", "LA")), layout), gold, layout).hits == (1, 1)


@pytest.mark.parametrize("word", ["t.he", "th;e", "t</he", "a.n"])
def test_a_word_that_marks_keep_from_being_an_article_stays(word: str) -> None:
    normal = normalise_text(f"{word} old ford")
    assert normal != normalise_text("old ford")
    assert normalise_text(normal) == normal
