"""`python -m pipelines.sweeps`: write what the tracking store knows of runs with several K to `reports/sweeps/k.json`.

Not a stage: sweeps leave runs in the tracking store, and the next report reads this file for its claims about K.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelines.paths import SWEEPS
from pipelines.stage import log, run_stage, write_whole
from setwise.errors import InputError
from setwise.params import Params
from setwise.report.results import shared_params
from setwise.tracking import TEST_TAG, get_client, search_all_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

_CURVE = "train/hits"


def sweeps(params: Params) -> None:
    """Write the newest evaluated run of every method, K and seed that shares the other params of `params.yaml`."""
    runs = collect(get_client(), params)
    if not runs:
        raise InputError(
            f"no evaluated run in experiment setwise/{params.domain.name} has the params of params.yaml but for k and "
            "seed; run a sweep over k first"
        )
    path = SWEEPS / "k.json"
    content = {"params": shared_params(params), "runs": runs}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    log.info("%s: %d runs, K = %s", path, len(runs), ", ".join(map(str, sorted({run["k"] for run in runs}))))
    log.info("next: dvc repro --force --single-item report")


def collect(client: MlflowClient, params: Params) -> list[dict[str, Any]]:
    """The newest evaluated run of every (method, K, seed) that has the other params in common, with its curve.

    All were evaluated on the same test split: that of the newest of them.

    Args:
        client: of the tracking store.
        params: whose experiment is searched, and which params are shared.
    """
    experiment = client.get_experiment_by_name(f"setwise/{params.domain.name}")
    if experiment is None:
        return []
    shared = shared_params(params)
    found: dict[tuple[str, int, int], dict[str, Any]] = {}
    split: str | None = None
    for run in search_all_runs(client, [experiment.experiment_id], order_by=["start_time DESC"]):
        tags, metrics = run.data.tags, run.data.metrics
        if not all(run.data.params.get(key) == value for key, value in shared.items()):
            continue
        method, k, seed = tags["setwise.method"], int(tags["setwise.k"]), int(tags["setwise.seed"])
        if (method, k, seed) in found or "eval/valid_rate" not in metrics:
            continue
        split = tags.get(TEST_TAG) if split is None else split
        if tags.get(TEST_TAG) == split:
            evaluated = {n.removeprefix("eval/"): v for n, v in metrics.items() if n.startswith("eval/")}
            history = client.get_metric_history(run.info.run_id, _CURVE)
            curve = [{"step": m.step, _CURVE: m.value} for m in history]
            one = {"method": method, "k": k, "seed": seed, "metrics": evaluated, "curve": curve}
            found[method, k, seed] = one
    return [found[place] for place in sorted(found)]


if __name__ == "__main__":
    run_stage("sweeps", sweeps)
