"""Exact names: nothing but case, space and the composition of letters is forgiven."""

from __future__ import annotations

from setwise.answers import AnswerSet, Layout, render
from setwise.matching import Gold, judge

GOLD = Gold((("Guillain-Barré syndrome",), ("Possible NSTEMI / STEMI",)), match="exact")


def hits(answer: str) -> tuple[int, ...]:
    return judge(render(AnswerSet((answer,)), Layout()), GOLD, Layout()).hits


def test_case_space_and_composition_do_not_count() -> None:
    assert hits("guillain-barré  SYNDROME") == (1,)
    assert hits("Guillain-Barre\u0301 syndrome") == (1,)


def test_everything_else_counts() -> None:
    assert hits("Guillain-Barre syndrome") == (0,)
    assert hits("Guillain Barré syndrome") == (0,)
    assert hits("the Guillain-Barré syndrome") == (0,)
    assert hits("Possible NSTEMI/STEMI") == (0,)


def test_what_does_not_show_does_not_count() -> None:
    assert hits("\ufeffGuillain-Barré\u200b syndrome\u200f") == (1,)
