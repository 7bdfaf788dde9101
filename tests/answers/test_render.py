"""Rendering: what is stated is what is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.answers import AnswerSet, Layout, parse, render
from setwise.answers.parse import _TAG

printable = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"], exclude_characters="\ufffd"))
texts = printable.filter(lambda text: not _TAG.search(text))
answers = texts.filter(lambda text: bool(text))


@st.composite
def sets(draw: st.DrawFn) -> tuple[AnswerSet, Layout]:
    """Any answer set that a layout can state, with that layout."""
    k = draw(st.integers(1, 5))
    layout = Layout(k, draw(st.booleans()), draw(st.booleans()))
    confidences = tuple(draw(st.lists(st.floats(0, 1), min_size=k, max_size=k))) if layout.confidences else None
    analysis = draw(st.none() | texts) if layout.analysis else None
    return AnswerSet(tuple(draw(st.lists(answers, min_size=k, max_size=k))), confidences, draw(texts), analysis), layout


@given(sets())
def test_parse_reads_what_render_states(drawn: tuple[AnswerSet, Layout]) -> None:
    answer_set, layout = drawn
    assert parse(render(answer_set, layout), layout) == answer_set


def test_confidences_have_two_decimals_where_two_are_enough() -> None:
    stated = render(AnswerSet(("a", "b"), (0.5, 0.125)), Layout(2, True))
    assert "<confidence1> 0.50 </confidence1>" in stated
    assert "<confidence2> 0.125 </confidence2>" in stated


def test_confidences_can_be_rounded() -> None:
    assert "<confidence> 0.33 </confidence>" in render(AnswerSet(("a",), (1 / 3,)), Layout(1, True), decimals=2)


@pytest.mark.parametrize(
    ("answer_set", "message"),
    [
        (AnswerSet(("a",), (0.5,)), "asks for 2 answers"),
        (AnswerSet(("a", "b")), "exactly where the layout"),
        (AnswerSet(("a", "b"), (0.5,)), "2 answers and 1 confidences"),
        (AnswerSet(("a", " "), (0.5, 0.5)), "empty_answer"),
        (AnswerSet(("a", "</answer2>"), (0.5, 0.5)), "stray_text"),
        (AnswerSet(("a", "b"), (0.5, 1.5)), "bad_confidence"),
        (AnswerSet(("a", "b"), (0.5, float("nan"))), "bad_confidence"),
        (AnswerSet(("a", "b"), (0.5, 0.5), analysis="so"), "extra"),
        (AnswerSet(("a", "b"), (0.5, 0.5), reasoning="</think>"), "stray_text"),
    ],
)
def test_a_set_that_the_layout_cannot_state_is_refused(answer_set: AnswerSet, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(answer_set, Layout(2, True))
