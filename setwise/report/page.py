"""The page: the template filled with what the other modules worked out. One file, no network, all text escaped."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from setwise.evaluation.store import Store
from setwise.report import figures, samples, tables
from setwise.report.claims import Claim, claims
from setwise.report.comparisons import Comparisons, contests, gains
from setwise.report.results import Results, Setup
from setwise.report.summary import Sentence, headline, markdown, sentences
from setwise.report.tables import Listing

_TEMPLATES = Path(__file__).parent / "templates"
_PACKAGES = (
    "setwise",
    "torch",
    "transformers",
    "trl",
    "vllm",
    "peft",
    "accelerate",
    "numpy",
    "pyarrow",
    "dvc",
    "mlflow",
    "prefect",
    "great-expectations",
)


@dataclass(frozen=True)
class Findings:
    """What takes time to work out, once for the page and its short form.

    Attributes:
        results: what was read.
        summary: in words.
        claims: the paper's, beside ours.
        gained: each method against its warm start.
        matched: sets against samples.
        headline: the metrics of `reports/metrics.json`.
    """

    results: Results
    summary: list[Sentence]
    claims: list[Claim]
    gained: Listing
    matched: Listing
    headline: dict[str, dict[str, dict[str, float | None]]]


def find(results: Results) -> Findings:
    """Compare the set-ups of a run, and judge the claims."""
    comparisons = Comparisons(results)
    gained = gains(comparisons)
    return Findings(
        results,
        sentences(contests(comparisons), gained, results),
        claims(comparisons),
        tables.gain_list(gained),
        tables.matched_list(comparisons),
        headline(results),
    )


def render_markdown(findings: Findings) -> str:
    """The report in short."""
    return markdown(findings.results, findings.summary, findings.claims, findings.headline)


def render_page(findings: Findings) -> str:
    """The whole report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_TEMPLATES)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(style=style, **_context(findings))


def _context(findings: Findings) -> dict[str, Any]:
    results = findings.results
    return {
        "results": results,
        "params": results.params,
        "findings": findings,
        "revision": _revision(results),
        "tables": tables.method_tables(results),
        "baselines": tables.baseline_tables(results),
        "groups": tables.group_lists(results),
        "overlaps": tables.overlap_list(results),
        "answer_figures": figures.answer_figures(results),
        "reliability_figures": figures.reliability_figures(results),
        "training_figures": [*figures.training_figures(results), *figures.sweep_figures(results)],
        "pairs": samples.pairs(results),
        "worst": samples.worst(results),
        "sampled": samples.sampled(results),
        "costs": _costs(results),
        "provenance": [_digests(results), _params(results), _versions()],
    }


def _revision(results: Results) -> str | None:
    """The revision of the code that evaluated, as git said it then; which one where methods differ; None if unknown."""
    found = {method: results.spent.get(method, {}).get("revision") for method in results.methods}
    known = {said for said in found.values() if said is not None}
    if len(set(found.values())) == 1:
        return next(iter(known), None)
    return "; ".join(f"{method}: {said or 'not known'}" for method, said in found.items())


def _costs(results: Results) -> Listing:
    """What each method cost in training, whose seconds are the sum of its steps, and in all its evaluations."""
    rows: list[tuple[str, ...]] = []
    for method in results.methods:
        curve = results.curves[method]
        spent = results.spent.get(method, {})
        tokens = int(max((row.get("train/num_tokens", 0.0) for row in curve), default=0.0))
        steps = int(max((row["step"] for row in curve), default=0))
        rows.append(
            (
                method,
                f"{steps:,}",
                f"{tokens:,}" if tokens else "–",
                duration(sum(row.get("train/step_time", 0.0) for row in curve) or None),
                f"{sum(_tokens(results, Setup(method, p, method)) for p in results.reports[method]):,}",
                duration(spent.get("seconds")),
                spent.get("device") or "–",
            )
        )
    header = ("method", "steps", "training tokens", "training", "evaluation tokens", "evaluation", "device")
    return Listing("Cost", header, rows)


def _tokens(results: Results, setup: Setup) -> int:
    import pyarrow.compute as pc

    store = Store(results.store(setup))
    groups = (store.read_group(index, ["n_tokens"]) for index in range(store.n_groups))
    return sum(pc.sum(group.column(0)).as_py() or 0 for group in groups)


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads well; a dash where they are not known."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _digests(results: Results) -> Listing:
    """The sha256 of the splits and of the weights that were read."""
    splits = results.validation["splits"]
    data = [(f"{results.params.domain.name}/{split}.parquet", splits[split]["digest"]) for split in sorted(splits)]
    weights: dict[str, str] = {}
    for method in results.methods:
        for protocol, report in results.reports[method].items():
            model = protocol if protocol in ("warmstart", "base") else method
            weights[f"weights of {model}"] = report["key"]["weights"]
    return Listing("Digests of data and weights (sha256)", ("what", "sha256"), [*data, *sorted(weights.items())])


def _params(results: Results) -> Listing:
    """The params of the run by their dotted keys."""
    rows: list[tuple[str, ...]] = []
    waiting = list(results.params.model_dump(mode="json").items())
    while waiting:
        key, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting[:0] = [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            listed = ", ".join(map(str, value)) if isinstance(value, list) else value
            rows.append((key, "–" if listed is None else str(listed)))
    return Listing("Params", ("param", "value"), rows)


def _versions() -> Listing:
    """Versions of Python and of the packages that matter here, of those that are installed."""
    found: list[tuple[str, ...]] = [("python", platform.python_version())]
    for package in _PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return Listing("Versions", ("package", "version"), found)
