"""The one judge: completion text and gold → parsed answers, their keys and hits, or the reason it is invalid.

Training, evaluation and the served model all judge with this module, so a completion scores the same everywhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from setwise.answers import Layout, Reason, Spans, read
from setwise.answers.layout import AnswerSet
from setwise.errors import InputError
from setwise.matching.gold import Gold, Match, Matcher

MATCHERS = {
    "exact": "setwise.matching.exact:match_exact",
    "text": "setwise.matching.text:match_text",
    "math": "setwise.matching.symbolic:match_math",
    "code": "setwise.matching.program:match_programs",
}
"""The matcher of each `Gold.match`, imported when first needed."""


@dataclass(frozen=True)
class Judgement:
    """One judged completion. `answers`, `keys`, `hits` and `confidences` are aligned and in the order stated.

    An invalid completion has a `reason`; what could be parsed is kept for display, its `hits` are all 0. `faults` names
    the checks that could not be decided (they count as wrong). `spans` says where in the text the blocks stand.
    """

    answers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    hits: tuple[int, ...] = ()
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    reason: Reason | None = None
    faults: tuple[str, ...] = ()
    spans: Spans | None = field(default=None, compare=False, repr=False)

    @property
    def valid(self) -> bool:
        """Whether the completion is a valid answer set."""
        return self.reason is None


def judge(text: object, gold: Gold, layout: Layout) -> Judgement:
    """Parse `text` in `layout` and match each answer against `gold` (DESIGN words: key, hit, valid completion)."""
    return judge_batch([text], [gold], layout)[0]


def judge_batch(texts: Sequence[object], golds: Sequence[Gold], layout: Layout) -> list[Judgement]:
    """Judge `texts[i]` against `golds[i]`; slow checks of the whole batch (math, code) run side by side.

    Raises:
        InputError: a gold names an unknown matcher, or one that can't work here (no sandbox).
    """
    judgements: list[Judgement | None] = [None] * len(texts)
    sets: dict[str, list[tuple[int, AnswerSet]]] = {}
    for row, (text, gold) in enumerate(zip(texts, golds, strict=True)):
        found, reason = read(text, layout)
        if reason is None:
            sets.setdefault(gold.match, []).append((row, found))
        else:
            judgements[row] = _invalid(found, reason)
    for name, rows in sets.items():
        matches = get_matcher(name)([found.answers for _, found in rows], [golds[row] for row, _ in rows])
        for (row, found), matched in zip(rows, matches, strict=True):
            judgements[row] = _judge_set(found, matched)
    return judgements  # type: ignore[return-value]


def get_matcher(name: str) -> Matcher:
    """The matcher called `name`; `InputError` lists the known ones."""
    if name not in MATCHERS:
        raise InputError(f"unknown match {name!r}: use one of {', '.join(MATCHERS)}")
    module, function = MATCHERS[name].split(":")
    matcher: Matcher = getattr(importlib.import_module(module), function)
    return matcher


def _invalid(found: AnswerSet, reason: Reason) -> Judgement:
    zeros = (0,) * len(found.answers)
    return Judgement(found.answers, (), zeros, found.confidences, found.reasoning, reason, (), found.spans)


def _judge_set(found: AnswerSet, matched: Sequence[Match]) -> Judgement:
    keys = tuple([match.key for match in matched])
    faults = tuple([match.fault for match in matched if match.fault])
    if len(set(keys)) == len(keys):
        hits, reason = tuple([int(match.right) for match in matched]), None
    else:
        hits, reason = (0,) * len(keys), Reason.DUPLICATE
    return Judgement(found.answers, keys, hits, found.confidences, found.reasoning, reason, faults, found.spans)
