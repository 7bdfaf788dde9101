"""The page: the template filled with what the other modules worked out. One file, no network, all text escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from setwise.methods import METHODS
from setwise.report.figures import answer_figures, reliability_figures, training_figures, unique_figure
from setwise.report.results import Results
from setwise.report.tables import method_tables

_TEMPLATES = Path(__file__).parent / "templates"


def render_page(results: Results) -> str:
    """The whole report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(style=style, **_context(results))


def _context(results: Results) -> dict[str, Any]:
    return {
        "results": results,
        "params": results.params,
        "methods": METHODS,
        "tables": method_tables(results),
        "answer_figures": [*answer_figures(results), unique_figure(results)],
        "reliability_figures": reliability_figures(results),
        "training_figures": training_figures(results),
    }
