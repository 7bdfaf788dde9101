"""Which mathematical answers are one and which are two, by kind and from either side; what holds for any two texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise.matching import Gold
from setwise.matching.equality import Comparison
from setwise.matching.expressions import prepare
from setwise.matching.math_pool import Verdict
from setwise.matching.symbolic import match_math

VERDICTS = yaml.safe_load((Path(__file__).parent / "math_verdicts.yaml").read_text(encoding="utf-8"))
SAME, DIFFERENT = VERDICTS["same"], VERDICTS["different"]
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


@pytest.mark.parametrize("kind", SAME)
def test_two_spellings_are_one_answer_from_either_side(kind: str) -> None:
    pairs = [*SAME[kind], *[(b, a) for a, b in SAME[kind]], *[(a, a) for pair in SAME[kind] for a in pair]]
    assert {pair: got for pair in map(tuple, pairs) if (got := match(*pair)) != ((1,), ())} == {}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_two_answers_are_two_from_either_side(kind: str) -> None:
    pairs = [*DIFFERENT[kind], *[(b, a) for a, b in DIFFERENT[kind]]]
    assert {pair: got for pair in map(tuple, pairs) if (got := match(*pair)) != ((0,), ())} == {}


@settings(max_examples=300)
@given(*[st.lists(st.sampled_from(PIECES), max_size=12).map("".join)] * 2)
def test_any_text_is_itself_and_no_order_matters(first: str, second: str) -> None:
    one, other = prepare(first), prepare(second)
    forward, backward = Comparison({}), Comparison({})
    assert (forward.equal(one, other), forward.missing) == (backward.equal(other, one), backward.missing)
    assert Comparison({}).equal(one, one) is Verdict.EQUAL


@settings(max_examples=200)
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
