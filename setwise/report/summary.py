"""The report in short: which model is best at what and whether that is sure, the few metrics that stand for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from setwise.evaluation.compare import Row
from setwise.metrics.catalogue import chief_names, metric
from setwise.metrics.estimates import with_interval
from setwise.report.claims import Claim
from setwise.report.comparisons import Contest
from setwise.report.results import Results, Setup

_FEW_VALID = 0.99
_FEW_QUESTIONS = 200
"""Share of valid completions, and number of test questions, under which the summary warns."""

Headline = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Set-up → metric → value, lo, hi: what `reports/metrics.json` holds."""


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
    text = f"{first.question}: {metric(first.metric).label} is {with_interval(first.estimate)} for all."
    return [Sentence("No model", text, "warning")]


def _contest(contest: Contest) -> Sentence:
    estimate = f"{metric(contest.metric).label} {with_interval(contest.estimate)}"
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
            [f"{method} {found:,} of {n:,}" for method, found in cut.items() if found],
        ),
        (
            "Checks without a verdict",
            "leave completions undecided, which no figure counts: ",
            [f"{method} {found:,}" for method, found in unchecked.items() if found],
        ),
        ("Validation", "failed for ", failed),
        ("A small test split", "makes intervals wide: ", [f"{n} questions"] if n < _FEW_QUESTIONS else []),
    ]
    return [Sentence(subject, f"{text}{listed(found)}.", "warning") for subject, text, found in asked if found]


def headline(results: Results) -> dict[str, dict[str, dict[str, float | None]]]:
    """The chief metrics of every method asked once, and of K samples of the single-answer ones.

    A metric that is undefined for a set-up is left out there.
    """
    once = [results.one(method) for method in results.methods]
    setups = [*once, *(setup for setup in results.contenders() if setup.protocol != "one")]
    return {setup.key: _chief(results.report(setup)) for setup in setups}


def _chief(report: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    entries = {name: report["metrics"].get(name) for name in chief_names(report["answers"])}
    known = {name: entry for name, entry in entries.items() if entry is not None and entry["value"] is not None}
    return {name: {part: entry[part] for part in ("value", "lo", "hi")} for name, entry in known.items()}


def markdown(results: Results, said: Sequence[Sentence], claims: Sequence[Claim], figures: Headline) -> str:
    """Summary, metrics and claims as Markdown; links are left to whoever knows where things are served."""
    lines = [f"# Sets of {results.k} answers on {results.params.domain.name}", ""]
    lines += [f"- **{_plain(s.subject)}** {_plain(s.text)}" for s in said]
    names = dict.fromkeys(name for found in figures.values() for name in found)
    rows = [
        [metric(name).label, *(with_interval(found[name]) if name in found else "–" for found in figures.values())]
        for name in names
    ]
    lines += ["", "## Metrics", "", *_table(["metric", *figures], rows)]
    rows = [[c.claim, c.paper, c.ours or "–", c.verdict] for c in claims]
    lines += ["", "## Claims of the paper", "", *_table(["claim", "paper", "here", "verdict"], rows)]
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(map(_plain, line)) + " |" for line in (header, ["---"] * len(header), *rows)]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    for sign in "\\`*_|<>":
        text = text.replace(sign, f"\\{sign}")
    return text
