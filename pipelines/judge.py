"""Stage `judge@<method>`: judge the completions that `generate` kept; verdicts and metrics to files and to MLflow."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from pipelines.finished import discard_recorded
from pipelines.paths import GENERATING, completions_folder, evaluation_folder, read_json, split_path
from pipelines.stage import alone_in, log, revision, run_method_stage, whole_folder, write_whole
from setwise.digests import file_digest
from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.evaluation import COST, MetricsReport, judge, summarise
from setwise.params import Params


def judge_all(params: Params, method: str) -> None:
    """Write `reports/evaluation/<method>/`, add the metrics to the method's MLflow run.

    `<protocol>.parquet` and `.json` are the verdicts and metrics; `cost.json` says what generating took, and the
    revision of the code that judged.
    """
    with alone_in(GENERATING / method, "judges"):
        discard_recorded(GENERATING / method)
        _judge_all(params, method)


def _judge_all(params: Params, method: str) -> None:
    completions = completions_folder(method)
    examples = read_examples(split_path(params, "test"))
    cost = read_json(completions / COST) | {"revision": revision()}
    reports: dict[str, MetricsReport] = {}
    with whole_folder(evaluation_folder(method)) as folder:
        for path in sorted(completions.glob("*.parquet")):
            started = time.monotonic()
            verdicts = judge(path, examples, folder / path.name)
            report = summarise(verdicts, examples, n_resamples=params.evaluate.resamples, seed=params.seed)
            reports[path.stem] = report
            write_whole(verdicts.with_suffix(".json"), json.dumps(report, indent=1, allow_nan=False))
            log.info("%s %s: %s (%.0f s)", method, path.stem, _headline(report), time.monotonic() - started)
        if not reports:
            raise InputError(f"{completions}: no completions; run `dvc repro generate@{method}`")
        write_whole(folder / COST, json.dumps(cost, indent=1))
    _track(params, method, reports, cost)


def _headline(report: MetricsReport) -> str:
    metrics = report["metrics"]
    shown = ("valid_rate", f"coverage_at_{report['answers']}", "attainable_share", "set_brier")
    return ", ".join(f"{m} {metrics[m]['value']:.3f}" for m in shown if metrics.get(m, {}).get("value") is not None)


def _track(params: Params, method: str, reports: dict[str, MetricsReport], cost: dict[str, Any]) -> None:
    """Add the metrics and files to the run that trained the weights which answered, or to a run of their own.

    That is where no run trained them, or where the run holds what another evaluation found, by other params or on
    another test split. Its params then say what its metrics were made with.

    The verdicts on `one` go with them, with their texts, so that `setwise compare` can pair two runs by question.
    """
    from setwise.tracking import EVALUATION_TAG, TEST_TAG, WEIGHTS_TAG, find_run, start_run

    digest = reports["one"]["key"]["weights"]
    data = {split: file_digest(split_path(params, split)) for split in ("train", "test")}
    asked = params.model_dump(mode="json", include={"seed", "k", "evaluate"})
    evaluation = hashlib.sha256(json.dumps([asked, data["test"]], sort_keys=True).encode()).hexdigest()[:16]
    run = find_run(params.domain.name, digest, evaluation)
    if run is None:
        log.info("no tracking run of these weights is free or was evaluated so; the metrics get a run of their own")
        run = start_run(params, method, data, {WEIGHTS_TAG: digest, "setwise.stage": "judge"})
    figures: dict[str, float] = {"eval/seconds": cost["seconds"]}
    for protocol, report in reports.items():
        prefix = "eval" if protocol == "one" else f"eval_{protocol}"
        for name, entry in report["metrics"].items():
            for suffix, part in (("", "value"), ("_lo", "lo"), ("_hi", "hi")):
                if entry[part] is not None and (protocol == "one" or part == "value"):
                    figures[f"{prefix}/{name}{suffix}"] = entry[part]
    run.log_metrics(figures)
    for protocol in reports:
        run.log_file(evaluation_folder(method) / f"{protocol}.json", "evaluation")
    run.log_file(evaluation_folder(method) / "one.parquet", "evaluation")
    run.set_tags({"setwise.device": cost["device"], EVALUATION_TAG: evaluation, TEST_TAG: data["test"]})
    run.finish()


if __name__ == "__main__":
    run_method_stage("judge", judge_all)
