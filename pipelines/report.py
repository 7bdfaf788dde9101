"""Stage `report`: one page that needs no network; metrics, scores and plots for DVC; a summary in Markdown."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from pipelines.paths import (
    CURVES,
    EVALUATION,
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
from setwise.report import Results, read_results
from setwise.report.page import find, render_markdown, render_page
from setwise.report.plots import plots
from setwise.report.provenance import Facts


def report(params: Params) -> None:
    """Write `reports/report.html`, `summary.md`, `metrics.json`, `scores/` and `plots/` from what the stages left.

    The tracking runs of the methods get the same files, where there are such runs.
    """
    examples = read_examples(split_path(params, "test"))
    results = read_results(params, examples, EVALUATION, CURVES, VALIDATION, SWEEPS)
    log.info("comparing the methods on %d questions", len(examples))
    findings = find(results)
    runs = _tracking_runs(results)
    page = render_page(findings, Facts(_revision(), {method: _facts(run) for method, run in runs.items()}))
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
    for run in runs.values():
        for path in (REPORT, SUMMARY, METRICS, *sorted(PLOTS.iterdir())):
            run.log_file(path, "report" if path.parent != PLOTS else "report/plots")
    for sentence in findings.summary:
        log.info("%s %s", sentence.subject, sentence.text)
    log.info("%s: %.0f kB; open it in any browser", REPORT, len(page.encode()) / 1000)


def _tracking_runs(results: Results) -> dict[str, Any]:
    """The tracking run of each method that has one: the newest that trained the weights that were evaluated."""
    from setwise.tracking import find_run

    found = {}
    for method in results.methods:
        digest = results.report(results.one(method))["key"]["weights"]
        run = find_run(results.params.domain.name, digest)
        if run is None:
            log.info("%s: no tracking run trained these weights; its wall time and device are not known", method)
        else:
            found[method] = run
    return found


def _facts(run: Any) -> dict[str, Any]:
    """What a tracking run knows of its cost."""
    data = run.client.get_run(run.run_id)
    metrics, tags = data.data.metrics, data.data.tags
    return {
        "name": data.info.run_name,
        "id": run.run_id,
        "device": tags.get("setwise.device"),
        "train_seconds": metrics.get("train/seconds"),
        "evaluate_seconds": metrics.get("eval/seconds"),
    }


def _revision() -> str | None:
    """The commit of the code, as git describes it; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty=, with uncommitted changes", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


if __name__ == "__main__":
    run_stage("report", report)
