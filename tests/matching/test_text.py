"""Normalised text: what does not change the meaning does not count, and what does change it does."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Gold, judge
from setwise.matching.text import normalise_text

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
]


@pytest.mark.parametrize("group", SAME, ids=lambda group: group[0])
def test_spellings_of_one_answer_are_one(group: list[str]) -> None:
    assert {normalise_text(text) for text in group} == {normalise_text(group[0])}


@pytest.mark.parametrize("group", DIFFERENT, ids=lambda group: group[0])
def test_answers_of_different_meaning_stay_different(group: list[str]) -> None:
    for one, other in combinations(group, 2):
        assert normalise_text(one) != normalise_text(other), (one, other)


@given(st.text(min_size=1))
def test_a_text_that_shows_something_never_becomes_empty(text: str) -> None:
    shows = any(character.isprintable() and not character.isspace() for character in text)
    assert normalise_text(text) or not shows


@given(st.text(st.characters(codec="ascii")))
def test_case_and_outer_space_never_count(text: str) -> None:
    assert normalise_text(f"  {text.upper()}\n") == normalise_text(text.lower())


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
