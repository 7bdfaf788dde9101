"""A matcher that comes to no verdict on answers that say so: what every slow check can end in, without the wait."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from setwise.matching import MATCHERS, Gold, Matched, get_matcher


def match_or_not(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """As `text`, but an answer that begins with "unsure" can't be decided."""
    found = get_matcher("text")(sets, golds)
    return [
        matched._replace(faults=tuple("unsure_timed_out" for answer in row if answer.startswith("unsure")))
        for row, matched in zip(sets, found, strict=True)
    ]


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of that matcher."""
    monkeypatch.setitem(MATCHERS, "unsure", "unsure:match_or_not")
    return "unsure"
