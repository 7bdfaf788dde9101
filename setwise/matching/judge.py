"""The one judge: completion text and gold → parsed answers, their keys and hits, or the reason it is invalid.

Training, evaluation and the served model all judge with this module, so a completion scores the same everywhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import NamedTuple

from setwise.answers import Layout, Reading, Reason, Span, Spans, read_batch
from setwise.answers.layout import make_spans
from setwise.errors import InputError
from setwise.matching.gold import Gold, Matched, Matcher

MATCHERS = {
    "exact": "setwise.matching.exact:match_exact",
    "text": "setwise.matching.text:match_text",
    "math": "setwise.matching.symbolic:match_math",
    "code": "setwise.matching.program:match_programs",
}
"""The matcher of each `Gold.match`, imported when first needed."""

CHUNK = 2048
"""Completions judged at a time: enough to keep every worker busy, few enough to stay small in memory."""


class Judgement(NamedTuple):
    """One judged completion. `answers`, `keys`, `hits` and `confidences` are aligned and in the order stated.

    An invalid completion has a `reason`; what could be parsed is kept for display, its `hits` are all 0. `faults` names
    the checks that came to no verdict; unless the completion is invalid whatever they would have said, it is then
    undecided: neither right nor wrong. The hits of an undecided one are those that are known.
    """

    answers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    hits: tuple[int, ...] = ()
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    reason: Reason | None = None
    faults: tuple[str, ...] = ()
    blocks: tuple[Span, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the completion is a valid answer set."""
        return self.reason is None

    @property
    def decided(self) -> bool:
        """Whether there is a verdict: it is invalid, or every check that its hits and keys depend on said yes or no."""
        return self.reason is not None or not self.faults

    @property
    def spans(self) -> Spans | None:
        """Where in the text the blocks of a completion stand; None where it could not be parsed."""
        return make_spans(self.blocks, len(self.answers))


def judge(text: object, gold: Gold, layout: Layout) -> Judgement:
    """Parse `text` in `layout` and match each answer against `gold` (DESIGN words: key, hit, valid completion)."""
    return judge_batch([text], [gold], layout)[0]


def judge_batch(texts: Sequence[object], golds: Sequence[Gold], layout: Layout, full: bool = True) -> list[Judgement]:
    """Judge `texts[i]` against `golds[i]`; slow checks of the whole batch (math, code) run side by side.

    Not in `full`, the judgements may leave out the reasoning and the places of the blocks, which saves much memory.

    Raises:
        InputError: a gold names an unknown matcher, or one that can't work here (no sandbox).
    """
    if len(texts) != len(golds):
        raise ValueError(f"{len(texts)} completions and {len(golds)} golds")
    starts = range(0, len(texts), CHUNK)
    judgements: list[Judgement] = []
    for start in starts:
        chunk = slice(start, start + CHUNK)
        judgements += _judge_chunk(texts[chunk], golds[chunk], layout, full)
    return judgements


def _judge_chunk(texts: Sequence[object], golds: Sequence[Gold], layout: Layout, full: bool) -> list[Judgement]:
    judgements: list[Judgement | None] = [None] * len(texts)
    readings = read_batch(texts, layout, full)
    rows_of: dict[str, list[int]] = {}
    for row, (reading, gold) in enumerate(zip(readings, golds, strict=True)):
        if reading.reason is None:
            rows_of.setdefault(gold.match, []).append(row)
        else:
            judgements[row] = _invalid(reading)
    for name, rows in rows_of.items():
        matches = get_matcher(name)([readings[row].answers for row in rows], [golds[row] for row in rows])
        for row, matched in zip(rows, matches, strict=True):
            judgements[row] = _judge_set(readings[row], matched)
    return judgements  # type: ignore[return-value]


def get_matcher(name: str) -> Matcher:
    """The matcher called `name`; `InputError` lists the known ones."""
    if name not in MATCHERS:
        raise InputError(f"unknown match {name!r}: use one of {', '.join(MATCHERS)}")
    module, function = MATCHERS[name].split(":")
    matcher: Matcher = getattr(importlib.import_module(module), function)
    return matcher


def _invalid(reading: Reading) -> Judgement:
    answers, confidences, reasoning, _, blocks, reason = reading
    return Judgement(answers, (), (0,) * len(answers), confidences, reasoning, reason, (), blocks)


def _judge_set(reading: Reading, matched: Matched) -> Judgement:
    answers, confidences, reasoning, _, blocks, reason = reading
    keys, hits, faults = matched
    if len(set(keys)) < len(keys):
        hits, reason = (0,) * len(keys), Reason.DUPLICATE
    return Judgement(answers, keys, hits, confidences, reasoning, reason, faults, blocks)
