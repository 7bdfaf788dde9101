"""The report: what a rebuild found, as one self-contained page, a metrics file and plots.

How the pieces fit::

    results = read_results(…)            # results: what the stages left, read once
    findings = find(results)             # comparisons → claims, summary: what is said of it
    render_page(findings)                # tables, figures, samples → page: one HTML file
    render_markdown(findings)            # summary: the same in short
    plots(results)                       # plots: the series as CSV, for DVC

Nothing here trains, generates, or asks git, MLflow or the network.
"""

from setwise.report.page import Findings, find, render_markdown, render_page
from setwise.report.plots import plots
from setwise.report.results import Results, read_results

__all__ = ["Findings", "Results", "find", "plots", "read_results", "render_markdown", "render_page"]
