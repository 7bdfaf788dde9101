"""The page: the template filled with what the other modules worked out. One file, no network, all text escaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setwise.report import figures, overlap, provenance, samples, tables
from setwise.report.artifact import markdown
from setwise.report.claims import Claim, claims
from setwise.report.comparisons import Comparisons, contests, gains
from setwise.report.data import splits
from setwise.report.groups import groupings
from setwise.report.matched import HEADER, matched_rows
from setwise.report.metrics import headline
from setwise.report.numbers import count
from setwise.report.results import Results
from setwise.report.summary import Sentence, sentences

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Findings:
    """What takes time to work out, once for the page and its short form.

    Attributes:
        results: what was read.
        summary: in words.
        claims: the paper's, beside ours.
        gained: rows (method, metric, before, after, difference, verdict) against the warm start.
        matched: rows of `matched.HEADER`, sets against samples.
        headline: the metrics of `reports/metrics.json`.
    """

    results: Results
    summary: list[Sentence]
    claims: list[Claim]
    gained: list[tuple[str, ...]]
    matched: list[tuple[str, ...]]
    headline: dict[str, dict[str, dict[str, float | None]]]


def find(results: Results) -> Findings:
    """Compare the set-ups of a run, and judge the claims."""
    comparisons = Comparisons(results)
    gained = gains(comparisons)
    return Findings(
        results,
        sentences(contests(comparisons), gained, results),
        claims(comparisons),
        tables.gain_rows(gained),
        matched_rows(comparisons),
        headline(results),
    )


def render_markdown(findings: Findings) -> str:
    """The report in short."""
    return markdown(findings.results, findings.summary, findings.claims, findings.headline)


def render_page(findings: Findings) -> str:
    """The whole report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = count
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(style=style, **_context(findings))


def _context(findings: Findings) -> dict[str, Any]:
    results = findings.results
    return {
        "results": results,
        "params": results.params,
        "findings": findings,
        "revision": provenance.revision(results),
        "matched_header": HEADER,
        "tables": tables.method_tables(results),
        "groupings": groupings(results),
        "answer_figures": figures.answer_figures(results),
        "unique_figure": figures.unique_figure(results),
        "reliability_figures": figures.reliability_figures(results),
        "training_figures": [*figures.training_figures(results), *figures.sweep_figures(results)],
        "overlap_rows": overlap.overlap_rows(results),
        "pairs": overlap.pairs(results),
        "worst": samples.worst(results),
        "sampled": samples.sampled(results),
        "splits": splits(results.validation),
        "dropped": sorted(results.validation["dropped"].items()),
        "costs": provenance.costs(results),
        "digests": provenance.digests(results),
        "versions": provenance.versions(),
        "flat_params": provenance.flat(results.params.model_dump(mode="json")),
    }
