"""Stage `report`: `reports/metrics.json` and `reports/report.html`, one page that needs no network."""

from __future__ import annotations

import json

from pipelines.paths import CURVES, EVALUATION, METRICS, REPORT, SWEEPS, VALIDATION, split_path
from pipelines.stage import log, run_stage, write_whole
from setwise.domains.parquet import read_examples
from setwise.params import Params
from setwise.report import read_results
from setwise.report.metrics import headline
from setwise.report.page import render_page


def report(params: Params) -> None:
    """Write the metrics file and the page from what the other stages left."""
    examples = read_examples(split_path(params, "test"))
    results = read_results(params, examples, EVALUATION, CURVES, VALIDATION, SWEEPS)
    page = render_page(results)
    write_whole(METRICS, json.dumps({"methods": headline(results)}, indent=1, allow_nan=False) + "\n")
    write_whole(REPORT, page)
    log.info("%s: %.0f kB; open it in any browser", REPORT, len(page.encode()) / 1000)


if __name__ == "__main__":
    run_stage("report", report)
