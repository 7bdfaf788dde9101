"""The report's first words: which model is best at what, whether that is sure, and what to look at before shipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from setwise.evaluation.compare import Row
from setwise.report.comparisons import Contest
from setwise.report.labels import label
from setwise.report.numbers import count, with_interval
from setwise.report.results import Results, Setup

_FEW_VALID = 0.99
_FEW_QUESTIONS = 200
"""Share of valid completions, and number of test questions, under which the summary warns."""


@dataclass(frozen=True)
class Sentence:
    """One statement of the summary: its subject, what is said of it, and whether that is sure, open or a warning."""

    subject: str
    text: str
    kind: Literal["sure", "open", "warning"]


def sentences(contests: Sequence[Contest], gains: Sequence[tuple[Setup, Row]], results: Results) -> list[Sentence]:
    """The summary, most important first."""
    won = [contest for contest in contests if not _nothing_right(contest)]
    return [*_no_winner(contests), *(_contest(contest) for contest in won), *_gained(gains), *_warnings(results)]


def _nothing_right(contest: Contest) -> bool:
    """Whether the best of all has no right answer at all."""
    return contest.metric.startswith(("coverage_at_", "correct_at_")) and contest.estimate["value"] == 0


def _no_winner(contests: Sequence[Contest]) -> list[Sentence]:
    """What is said instead of the contests that nobody won; the first of them asks most."""
    first = next((contest for contest in contests if _nothing_right(contest)), None)
    if first is None:
        return []
    text = f"{first.question}: {label(first.metric).name} is {with_interval(first.estimate)} for all."
    return [Sentence("No model", text, "warning")]


def _contest(contest: Contest) -> Sentence:
    estimate = f"{label(contest.metric).name} {with_interval(contest.estimate)}"
    if not contest.rivals:
        return Sentence(contest.winner.label, f"{contest.question}: {estimate}.", "open")
    text = f"{contest.question}: {estimate}."
    if contest.beaten:
        text += f" Significantly better than {_rivals(contest, contest.beaten)}."
    if contest.tied:
        text += f" Not significantly better than {_rivals(contest, contest.tied)}."
    return Sentence(contest.winner.label, text, "open" if contest.tied else "sure")


def _rivals(contest: Contest, chosen: Sequence[Setup]) -> str:
    """`x (+0.031 [0.011, 0.052]), y (…) and z (…)`."""
    rows = dict(contest.rivals)
    return listed([f"{setup.label} ({difference(rows[setup])})" for setup in chosen])


def difference(row: Row) -> str:
    """The difference of a paired row with its interval."""
    return with_interval({"value": row.difference, "lo": row.lo, "hi": row.hi}, sign=True)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _gained(gains: Sequence[tuple[Setup, Row]]) -> list[Sentence]:
    """What training brought over the warm start, in coverage."""
    coverage = [(setup, row) for setup, row in gains if row.metric.startswith("coverage_at_")]
    better = [f"{setup.label} ({difference(row)})" for setup, row in coverage if row.verdict == "better"]
    others = [f"{setup.label} ({difference(row)})" for setup, row in coverage if row.verdict != "better"]
    found = []
    if better:
        text = f"raised coverage significantly over the warm start for {listed(better)}."
        found.append(Sentence("Training", text, "sure"))
    if others:
        text = f"did not raise coverage significantly for {listed(others)}."
        found.append(Sentence("Training", text, "open"))
    return found


def _warnings(results: Results) -> list[Sentence]:
    """What a reader should know before trusting the rest."""
    reports = {method: results.report(results.one(method)) for method in results.methods}
    rates = {method: report["metrics"]["valid_rate"] for method, report in reports.items()}
    valid = {method: rate for method, rate in rates.items() if rate["value"] is not None}  # else none has a verdict
    cut = {method: report["invalid"]["unfinished"] for method, report in reports.items()}
    unchecked = {method: sum(report["faults"].values()) for method, report in reports.items()}
    failed = [split for split, checks in results.validation["splits"].items() if not checks["success"]]
    n = len(results.examples)
    asked = [
        (
            "Invalid completions",
            "count as worst; the share that is valid: ",
            [f"{method} {with_interval(entry)}" for method, entry in valid.items() if entry["value"] < _FEW_VALID],
        ),
        (
            "The token limit",
            "cut completions off: ",
            [f"{method} {count(found)} of {count(n)}" for method, found in cut.items() if found],
        ),
        (
            "Checks without a verdict",
            "leave completions undecided, which no figure counts: ",
            [f"{method} {count(found)}" for method, found in unchecked.items() if found],
        ),
        ("Validation", "failed for ", failed),
        ("A small test split", "makes intervals wide: ", [f"{n} questions"] if n < _FEW_QUESTIONS else []),
    ]
    return [Sentence(subject, f"{text}{listed(found)}.", "warning") for subject, text, found in asked if found]
