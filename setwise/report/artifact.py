"""The report in short, as Markdown: for the artifact at the end of a flow and for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setwise.report.claims import Claim
from setwise.report.labels import label
from setwise.report.numbers import with_interval
from setwise.report.results import Results
from setwise.report.summary import Sentence


def markdown(
    results: Results,
    sentences: Sequence[Sentence],
    claims: Sequence[Claim],
    headline: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> str:
    """Summary, metrics and claims; links are left to whoever knows where things are served."""
    lines = [f"# Sets of {results.k} answers on {results.params.domain.name}", ""]
    lines += [f"- **{_plain(s.subject)}** {_plain(s.text)}" for s in sentences]
    names = list(dict.fromkeys(name for metrics in headline.values() for name in metrics))
    lines += ["", "## Metrics", "", *_table(["metric", *headline], _metric_rows(names, headline))]
    rows = [[c.claim, c.paper, c.ours or "–", c.verdict] for c in claims]
    lines += ["", "## Claims of the paper", "", *_table(["claim", "paper", "here", "verdict"], rows)]
    return "\n".join(lines) + "\n"


def _metric_rows(names: Sequence[str], headline: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[list[str]]:
    return [
        [label(name).name, *(with_interval(found[name]) if name in found else "–" for found in headline.values())]
        for name in names
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(map(_plain, line)) + " |" for line in lines]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    for sign in "\\`*_|<>":
        text = text.replace(sign, f"\\{sign}")
    return text
