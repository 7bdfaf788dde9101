"""Answers of several people: what shares an alias is one, what one person tells apart is not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.domains._readings import Aliases, join_readings
from setwise.matching.text import normalise_text

JOINED: dict[str, tuple[Sequence[Sequence[Aliases]], tuple[Aliases, ...]]] = {
    "a shared spelling": (
        [[("Paris.",), ("Rome",)], [("the paris", "Lutetia")]],
        (("Paris.", "the paris", "Lutetia"), ("Rome",)),
    ),
    "a link between two people": ([[("a",)], [("b",)], [("a", "b")]], (("a", "b"),)),
    "an alias for two days": (
        [[("June 16, 2017", "2017", "December 15, 2017")], [("June 16, 2017",), ("December 15, 2017",)]],
        (("June 16, 2017",), ("December 15, 2017",)),
    ),
    "a person who tells less apart": ([[("a", "b"), ("c",)], [("a",), ("b",)]], (("c",), ("a",), ("b",))),
    "two people who cross": ([[("a", "b"), ("c", "d")], [("a", "c"), ("b", "d")]], (("a", "b"), ("c", "d"))),
    "a chain by one person": ([[("a", "b"), ("b", "c"), ("c", "d")]], (("a", "b"), ("c", "d"))),
    "a chain by two people": ([[("a",), ("c",)], [("a", "b")], [("b", "c")]], (("a", "b"), ("c",))),
    "a chain that is told apart last": ([[("a", "b")], [("b", "c")], [("a",), ("c",)]], (("a", "b"), ("c",))),
    "nothing": ([[], []], ()),
}


@pytest.mark.parametrize(("people", "gold"), JOINED.values(), ids=JOINED.keys())
def test_answers_are_joined_across(people: Sequence[Sequence[Aliases]], gold: tuple[Aliases, ...]) -> None:
    assert join_readings(people) == gold


_ALIASES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True).map(tuple)
_PEOPLE = st.lists(st.lists(_ALIASES, max_size=4), max_size=4)


@given(_PEOPLE)
def test_no_two_answers_share_an_alias(people: list[list[Aliases]]) -> None:
    names = [alias for answer in join_readings(people) for alias in answer]
    assert len(set(names)) == len(names)
    assert set(names) <= {alias for answers in people for answer in answers for alias in answer}


@given(_PEOPLE.map(lambda people: people[:1]))
def test_what_one_person_tells_apart_stays_apart(people: list[list[Aliases]]) -> None:
    gold = join_readings(people)
    answers = [answer for mine in people for answer in mine]
    alone = [a for a in answers if all(a == b or not {*a} & {*b} for b in answers)]
    assert {frozenset(answer) for answer in alone} <= {frozenset(answer) for answer in gold}


@given(st.lists(st.sampled_from(["Paris", "the paris", "Rome", "ROME", "Oslo"]).map(lambda text: (text,))))
def test_without_aliases_each_normal_form_is_one_answer(answers: list[Aliases]) -> None:
    gold = join_readings([answers])
    assert len(gold) == len({normalise_text(text) for (text,) in answers})
