"""Stage `report`: one page that needs no network; metrics, scores and plots for DVC; a summary in Markdown."""

from __future__ import annotations

import json

from pipelines.finished import discard_recorded
from pipelines.paths import (
    CHECKPOINTS,
    CURVES,
    EVALUATION,
    GENERATING,
    METRICS,
    PLOTS,
    REPORT,
    SCORES,
    SUMMARY,
    SWEEPS,
    VALIDATION,
    split_path,
)
from pipelines.stage import log, run_stage, whole_folder, write_whole
from setwise.domains.parquet import read_examples
from setwise.params import Params
from setwise.report import find, plots, read_results, render_markdown, render_page


def report(params: Params) -> None:
    """Write `reports/report.html`, `summary.md`, `metrics.json`, `scores/` and `plots/` from what the stages left.

    Nothing else is read, so that DVC knows when it is stale; `python -m pipelines.publish` puts it into MLflow.
    """
    discard_recorded(*(folder / method for folder in (CHECKPOINTS, GENERATING) for method in params.methods))
    examples = read_examples(split_path(params, "test"))
    results = read_results(params, examples, EVALUATION, CURVES, VALIDATION, SWEEPS)
    log.info("comparing the methods on %d questions", len(examples))
    findings = find(results)
    page = render_page(findings)
    write_whole(METRICS, json.dumps({"methods": findings.headline}, indent=1, allow_nan=False) + "\n")
    with whole_folder(SCORES) as folder:
        for name, metrics in findings.headline.items():
            scores = {metric: entry["value"] for metric, entry in metrics.items()}
            (folder / f"{name.replace('/', '-')}.json").write_text(
                json.dumps(scores, indent=1) + "\n", encoding="utf-8"
            )
    with whole_folder(PLOTS) as folder:
        for name, text in plots(results).items():
            (folder / name).write_text(text, encoding="utf-8")
    write_whole(SUMMARY, render_markdown(findings))
    write_whole(REPORT, page)
    for sentence in findings.summary:
        log.info("%s %s", sentence.subject, sentence.text)
    log.info("%s: %.0f kB; open it in any browser", REPORT, len(page.encode()) / 1000)


if __name__ == "__main__":
    run_stage("report", report)
