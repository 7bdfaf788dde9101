"""Stage `evaluate@<method>`: answer the test split by every protocol, keep the generations, compute the metrics."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.finished import discard_recorded, keep_until_recorded
from pipelines.paths import CHECKPOINTS, EVALUATING, evaluation_folder, model_folder, split_path
from pipelines.stage import alone_in, log, run_method_stage, whole_folder, write_whole
from setwise.digests import weights_digest
from setwise.domains import Example, get_domain
from setwise.domains.parquet import read_examples
from setwise.engines import Sampling
from setwise.errors import InputError
from setwise.evaluation import (
    COST,
    MetricsReport,
    Protocol,
    StoreKey,
    dataset_digest,
    generate,
    get_protocol,
    prompt_digest,
    summarise,
)
from setwise.methods import Method, get_method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.redact import redact


@dataclass(frozen=True)
class Task:
    """One protocol to evaluate and the model folder it asks."""

    protocol: Protocol
    model: str

    @property
    def name(self) -> str:
        """The file name of its results."""
        return self.protocol.name if self.protocol.generations == 1 or self.protocol.union else "curve"


def tasks_of(method: Method, params: Params) -> list[Task]:
    """What is generated for a method: one generation, the curve to many answers, and its baselines."""
    most = params.evaluate.answers
    tasks = [Task(get_protocol("one", method, params.k), method.name)]
    if method.multi:
        tasks.append(Task(get_protocol("one", method, params.k, generations=max(2, -(-most // params.k))), method.name))
    else:
        tasks.append(Task(get_protocol(f"sample-{most}", method, params.k), method.name))
        tasks.append(Task(get_protocol(f"sample-{params.k}", method, params.k), method.name))
        tasks.append(Task(get_protocol("prompted", method, params.k), method.name))
    tasks.append(Task(get_protocol("warmstart", method, params.k), "warmstart"))
    tasks.append(Task(get_protocol("base", method, params.k), "base"))
    return tasks


def evaluate(params: Params, method_name: str) -> None:
    """Write `reports/evaluation/<method>/`, add the metrics to the method's MLflow run.

    `<protocol>.parquet` and `.json` are the generations and metrics; `cost.json` says what the report can't measure:
    the seconds of this run (after an interruption, of what was left to do), the device, the revision of the code.
    """
    import torch

    torch.set_num_threads(params.threads)
    cache = EVALUATING / method_name
    with alone_in(cache, "evaluates"):
        discard_recorded(CHECKPOINTS / method_name, cache)
        _evaluate_in(cache, params, method_name)
        keep_until_recorded(cache)


def _evaluate_in(cache: Path, params: Params, method_name: str) -> None:
    """Generate in the working folder `cache`, hand over whole."""
    method = get_method(method_name)
    examples = read_examples(split_path(params, "test"))
    reports: dict[str, MetricsReport] = {}
    begun, device = time.monotonic(), ""
    for task in tasks_of(method, params):
        started = time.monotonic()
        store, device = _generate(task, params, method, examples, cache)
        reports[task.name] = summarise(store, examples, n_resamples=params.evaluate.resamples, seed=params.seed)
        log.info(
            "%s %s: %s (%.0f s)", method_name, task.name, _headline(reports[task.name]), time.monotonic() - started
        )
    with whole_folder(evaluation_folder(method_name)) as folder:
        for name, report in reports.items():
            shutil.copyfile(cache / f"{name}.parquet", folder / f"{name}.parquet")
            write_whole(folder / f"{name}.json", json.dumps(report, indent=1, allow_nan=False))
        cost = {"seconds": round(time.monotonic() - begun, 1), "device": redact(device), "revision": _revision()}
        write_whole(folder / COST, json.dumps(cost, indent=1))
    _track(params, method_name, reports, cost)


def _generate(task: Task, params: Params, method: Method, examples: list[Example], cache: Path) -> tuple[Path, str]:
    """The store of one task and the device; what an interrupted evaluation left is used where its key fits."""
    from setwise.engines.pick import pick_engine

    weights = model_folder(task.model)
    if not weights.is_dir():
        raise InputError(f"{weights}: no model; run `dvc repro` for the stage that makes it")
    engine = pick_engine(params, weights)
    instruction = get_domain(params.domain.name).instruction
    prompts = [build_prompt(e.question, task.protocol.layout, engine.tokenizer, instruction) for e in examples]
    sampling = Sampling(
        temperature=params.evaluate.temperature,
        max_tokens=params.evaluate.max_completion_tokens,
        n=task.protocol.generations,
        seed=params.seed,
    )
    key = StoreKey(
        weights=weights_digest(weights),
        dataset=dataset_digest(examples),
        prompts=prompt_digest(prompts),
        method=method.name,
        protocol=task.protocol,
        sampling=sampling,
    )
    path = cache / f"{task.name}.parquet"
    if path.exists() and not _fits(path, key):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    generate(engine, examples, prompts, key, path, part_rows=params.evaluate.batch_size * 4)
    return path, engine.device


def _revision() -> str | None:
    """The commit of the code, as git describes it; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty=, with uncommitted changes", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _fits(path: Path, key: StoreKey) -> bool:
    """Whether a finished file is of this very evaluation."""
    from setwise.evaluation import Store

    try:
        Store(path).check_key(key)
    except InputError as error:
        log.info("%s; generating again", error)
        return False
    return True


def _headline(report: MetricsReport) -> str:
    metrics = report["metrics"]
    shown = ("valid_rate", f"coverage_at_{report['answers']}", "attainable_share", "set_brier")
    return ", ".join(f"{m} {metrics[m]['value']:.3f}" for m in shown if metrics.get(m, {}).get("value") is not None)


def _track(params: Params, method: str, reports: dict[str, MetricsReport], cost: dict[str, Any]) -> None:
    """Add the metrics and files to the run that trained these weights, or to a run of their own.

    That is where no run trained them, or where the run holds what another evaluation found, by other params or on
    another test split. Its params then say what its metrics were made with.

    The generations of `one` go with them, so that `setwise compare` can pair two runs by question.
    """
    from setwise.digests import file_digest
    from setwise.tracking import EVALUATION_TAG, TEST_TAG, WEIGHTS_TAG, find_run, start_run

    digest = weights_digest(model_folder(method))
    data = {split: file_digest(split_path(params, split)) for split in ("train", "test")}
    asked = params.model_dump(mode="json", include={"seed", "k", "evaluate"})
    evaluation = hashlib.sha256(json.dumps([asked, data["test"]], sort_keys=True).encode()).hexdigest()[:16]
    run = find_run(params.domain.name, digest, evaluation)
    if run is None:
        log.info("no tracking run of these weights is free or was evaluated so; the metrics get a run of their own")
        run = start_run(params, method, data, {WEIGHTS_TAG: digest, "setwise.stage": "evaluate"})
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
    run_method_stage("evaluate", evaluate)
