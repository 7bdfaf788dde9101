"""Completions to look at: a random sample with every model's answers, the worst of each model, pairs that repeat."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setwise.domains import Example
from setwise.evaluation.store import Store
from setwise.metrics.attainable import best_hits
from setwise.report.results import Results, Setup

SAMPLED = 20
"""Questions in the browsable sample."""
WORST = 5
"""Worst questions shown of each method."""
_COLUMNS = ("question_id", "answers", "hits", "confidences", "posterior", "reason", "faults", "text")


@dataclass(frozen=True)
class Answer:
    """One answer: whether it is a hit, its stated confidence and true probability where there are any."""

    text: str
    hit: bool
    confidence: float | None
    probability: float | None


@dataclass(frozen=True)
class Reply:
    """One completion: its answers in the order stated; none, and why, where it is invalid or has no verdict."""

    answers: tuple[Answer, ...]
    reason: str
    raw: str


@dataclass(frozen=True)
class Shown:
    """A question with what set-ups answered.

    Attributes:
        number: its place in the test split, from 1.
        question: its text.
        gold: the right answers, each with its aliases.
        probable: the most probable answers under the posterior, as (answer, probability).
        replies: set-up label, css class and its completions.
        note: why it is shown.
    """

    number: int
    question: str
    gold: tuple[tuple[str, ...], ...]
    probable: tuple[tuple[str, float], ...]
    replies: tuple[tuple[str, str, tuple[Reply, ...]], ...]
    note: str = ""

    @property
    def covered(self) -> int:
        """How many of the set-ups found a right answer."""
        return sum(any(a.hit for reply in replies for a in reply.answers) for _, _, replies in self.replies)


def sampled(results: Results) -> list[Shown]:
    """Questions drawn by the seed of the run, with the replies of every set-up that gives K answers."""
    setups = results.contenders() or [results.one(method) for method in results.methods]
    n = len(results.examples)
    chosen = sorted(random.Random(results.params.seed).sample(range(n), min(SAMPLED, n)))
    stores = [(setup, Store(results.store(setup))) for setup in setups]
    shown = []
    for index in chosen:
        replies = [(s.label, f"m-{s.method}", tuple(map(_reply, store.read_question(index)))) for s, store in stores]
        shown.append(_shown(results, index, replies))
    return shown


def worst(results: Results) -> list[tuple[Setup, list[Shown]]]:
    """Of each method, the questions it answered worst in one generation that has a verdict, by `_loss`."""
    found = []
    for method in results.methods:
        setup = results.one(method)
        store = Store(results.store(setup))
        rows = [row for table in store.groups() for row in table.select(_COLUMNS).to_pylist()]
        n = store.key.protocol.generations
        firsts = rows[::n]
        losses = [
            _loss(row, example, store.key.protocol.layout.k)
            for row, example in zip(firsts, results.examples, strict=True)
        ]
        decided = [i for i, row in enumerate(firsts) if not _is_undecided(row)]
        order = sorted(decided, key=lambda i: (-losses[i][0], i))[:WORST]
        found.append((setup, [_bad(results, i, setup, firsts[i], losses[i][1]) for i in order]))
    return found


def _bad(results: Results, index: int, setup: Setup, row: Mapping[str, Any], note: str) -> Shown:
    return _shown(results, index, [(setup.label, f"m-{setup.method}", (_reply(row),))], note)


def _loss(row: Mapping[str, Any], example: Example, k: int) -> tuple[float, str]:
    """How bad a completion is, and why, in words.

    With a posterior: the probability that the best set of k answers holds and this one does not, so that bad luck with
    the gold answer does not count. Without: the set Brier, or the share of misses where no confidences are stated.
    """
    valid = row["reason"] is None
    if example.posterior:
        best = best_hits([probability for _, probability in example.posterior], k)
        held = sum(row["posterior"] or ()) if valid else 0.0
        kind = "covers" if k > 1 else "has"
        return best - held, f"{kind} a probability of {held:.2f}; {best:.2f} was possible"
    if not valid:
        return 2.0, "invalid"
    if row["confidences"] is not None:
        pairs = list(zip(row["confidences"], row["hits"], strict=True))
        brier = sum((q - h) ** 2 for q, h in pairs) / len(pairs)
        return brier, f"set Brier {brier:.3f}"
    misses = sum(not hit for hit in row["hits"])
    return misses / max(len(row["hits"]), 1), f"{misses} of {len(row['hits'])} answers are wrong"


def _is_undecided(row: Mapping[str, Any]) -> bool:
    return row["reason"] is None and bool(row["faults"])


def _shown(
    results: Results, index: int, replies: Sequence[tuple[str, str, tuple[Reply, ...]]], note: str = ""
) -> Shown:
    example = results.examples[index]
    return Shown(index + 1, example.question, example.gold, example.posterior[: results.k], tuple(replies), note)


def _reply(row: Mapping[str, Any]) -> Reply:
    if row["reason"] is not None:
        return Reply((), f"invalid: {row['reason'].replace('_', ' ')}", row["text"])
    if _is_undecided(row):
        return Reply((), f"no verdict: {', '.join(row['faults']).replace('_', ' ')}", row["text"])
    count = len(row["answers"])
    stated = row["confidences"] or [None] * count
    true = row["posterior"] or [None] * count
    answers = tuple(
        Answer(text, bool(hit), q, p) for text, hit, q, p in zip(row["answers"], row["hits"], stated, true, strict=True)
    )
    return Reply(answers, "", row["text"])


@dataclass(frozen=True)
class Pair:
    """Two generations of one question; each text as pieces of (text, whether it stands in both)."""

    method: str
    question: str
    texts: tuple[tuple[tuple[str, bool], ...], ...]
    rouge_l: float | None
    mean_rouge_l: float | None


def pairs(results: Results) -> list[Pair]:
    """The highlighted pair of each method that has one."""
    found = []
    for method in results.methods:
        report = results.report(results.many(method))
        pair, mean = report["highlighted_pair"], report["metrics"]["overlap_rouge_l_valid"]["value"]
        if pair is not None:
            texts = zip(pair["texts"], pair["shared"], strict=True)
            marked = tuple(pieces(text, spans) for text, spans in texts)
            found.append(Pair(method, pair["question"], marked, pair["overlaps"]["overlap_rouge_l"], mean))
    return found


def pieces(text: str, spans: list[list[int]]) -> tuple[tuple[str, bool], ...]:
    """A text cut at the spans; spans that touch or are parted by blanks alone are joined."""
    joined: list[list[int]] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    cut: list[tuple[str, bool]] = []
    at = 0
    for start, end in joined:
        cut += [(text[at:start], False), (text[start:end], True)]
        at = end
    return tuple(piece for piece in [*cut, (text[at:], False)] if piece[0])
