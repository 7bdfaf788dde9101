"""What sweeps over K left under `reports/sweeps/`: correct answers per set, by K, over seeds.

A file is one JSON object: `{"params": {…}, "runs": [{"method": …, "k": …, "seed": …, "metrics": {"correct_at_K": …},
"curve": […]}]}`. `params`, flat, are those that all runs share; `metrics` are those of one generation on the test
split; `curve`, optional, is the training curve's rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from setwise.metrics.seeds import mean_over_seeds
from setwise.params import Params
from setwise.tracking import TEST_TAG, flatten, search_all_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

_GRID = '{"k": [2, 3, 4, 5], "seed": [0, 1, 2]}'
SWEEP_COMMAND = (
    f"prefect deployment run sweep/sweep -p 'grid={_GRID}' -p rank_by=eval/coverage_at_1, "
    "then python -m pipelines.sweeps"
)
_VARIED = ("k", "seed", "methods")
"""Params in which the runs of a sweep may differ."""
_CURVE = "train/hits"
SWEPT_K = (2, 3, 4, 5)
"""The K that the paper's claim speaks of."""


@dataclass(frozen=True)
class Point:
    """Correct answers per set at one K: mean over seeds and its 95% t interval; no interval with one seed."""

    k: int
    mean: float
    lo: float | None
    hi: float | None
    seeds: int


def by_k(sweeps: Sequence[Mapping[str, Any]], method: str) -> list[Point]:
    """The points of a method, by K; empty where no sweep has it."""
    values: dict[int, list[float]] = defaultdict(list)
    for run in runs(sweeps, method):
        value = run["metrics"].get(f"correct_at_{run['k']}")
        if value is not None:
            values[run["k"]].append(value)
    return [Point(k, *mean_over_seeds(found), len(found)) for k, found in sorted(values.items())]


def runs(sweeps: Sequence[Mapping[str, Any]], method: str) -> list[Mapping[str, Any]]:
    """The runs of a method in all sweeps; of one K and seed, the last one's."""
    found = [run for sweep in sweeps for run in sweep.get("runs", ()) if run["method"] == method]
    return list({(run["k"], run["seed"]): run for run in found}.values())


def shared_params(params: Params) -> dict[str, str]:
    """The params that the runs of a sweep over K have in common, flat."""
    return {key: value for key, value in flatten(params.model_dump(mode="json")).items() if key not in _VARIED}


def unfit(sweep: Mapping[str, Any], params: Params) -> str | None:
    """How the runs of a sweep differ from `params` in more than K and seed; None where they do not."""
    found: Mapping[str, str] = sweep.get("params", {})
    for key, value in shared_params(params).items():
        if key in found and found[key] != value:
            return f"{key} is {found[key]} there and {value} here"
    return None


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
        place = tags["setwise.method"], int(tags["setwise.k"]), int(tags["setwise.seed"])
        if place in found or "eval/valid_rate" not in metrics:
            continue
        split = tags.get(TEST_TAG) if split is None else split
        if tags.get(TEST_TAG) == split:
            evaluated = {n.removeprefix("eval/"): v for n, v in metrics.items() if n.startswith("eval/")}
            history = client.get_metric_history(run.info.run_id, _CURVE)
            curve = [{"step": m.step, _CURVE: m.value} for m in history]
            found[place] = dict(zip(("method", "k", "seed"), place, strict=True)) | {
                "metrics": evaluated,
                "curve": curve,
            }
    return [found[place] for place in sorted(found)]
