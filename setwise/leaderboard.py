"""Runs of the tracking store ranked by a metric: settings that differ in the seed alone share a place."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from setwise.metrics import catalogue
from setwise.metrics.seeds import mean_over_seeds
from setwise.params import Params
from setwise.tracking import TEST_TAG, search_all_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_NOT_SETTINGS = {"seed", "methods", "threads"}
"""Params in which runs of one place may differ."""


@dataclass(frozen=True)
class Trial:
    """One evaluated run: its method (or its name), the params that tell it from the others, its value."""

    method: str
    setting: Mapping[str, Any]
    value: float
    run_id: str


@dataclass(frozen=True)
class Standing:
    """One place: a method and a setting, the mean of its seeds and its 95% interval (None with one seed)."""

    method: str
    variant: str
    """The setting as JSON, without the seed."""
    value: float
    low: float | None
    high: float | None
    run_ids: tuple[str, ...]

    def row(self, metric: str) -> dict[str, str]:
        """One row for a table: a column for each param that was varied."""
        interval = "one seed" if self.low is None or self.high is None else f"[{self.low:.4f}, {self.high:.4f}]"
        figures = {metric: f"{self.value:.4f}", "95% interval": interval, "seeds": str(len(self.run_ids))}
        varied = {name: str(value) for name, value in json.loads(self.variant).items()}
        return {"method": self.method, **varied, **figures}

    def describe(self, metric: str) -> str:
        """One line for a log."""
        return ", ".join(f"{name} {value}" for name, value in self.row(metric).items())


def rank(trials: Iterable[Trial], metric: str, lower_is_better: bool | None = None) -> list[Standing]:
    """The places by `metric`, best mean first; ties in the order of the first runs.

    Which way is better the table of metrics says, unless `lower_is_better` does; of another metric, more is better.
    """
    lower = catalogue.lower_is_better(metric) if lower_is_better is None else lower_is_better
    places: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        setting = {name: value for name, value in trial.setting.items() if name not in _NOT_SETTINGS}
        places[trial.method, json.dumps(setting, sort_keys=True)].append(trial)
    standings = [
        Standing(method, variant, *mean_over_seeds([t.value for t in found]), tuple(t.run_id for t in found))
        for (method, variant), found in places.items()
    ]
    return sorted(standings, key=lambda standing: standing.value, reverse=not lower)


def sweep_trials(client: MlflowClient, sweep_id: str, metric: str) -> list[Trial]:
    """The runs of one sweep of the flow `sweep` that logged `metric`, in the order they started."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = search_all_runs(client, experiments, f"tags.`setwise.sweep` = '{sweep_id}'")
    return [
        _trial(run, json.loads(run.data.tags["setwise.variant"]), metric) for run in found if metric in run.data.metrics
    ]


def domain_trials(client: MlflowClient, domain: str, metric: str) -> list[Trial]:
    """The newest run of each set of params in the domain's experiment that logged `metric`, in the order they started.

    Their settings are the params in which these runs differ, and the test split where they were not evaluated on the
    same one.
    """
    experiment = client.get_experiment_by_name(f"setwise/{domain}")
    if experiment is None:
        return []
    newest: dict[tuple[Any, ...], Run] = {}
    for run in search_all_runs(client, [experiment.experiment_id]):
        if metric in run.data.metrics and run.data.tags.get("setwise.stage") != "register":
            settings = {name: value for name, value in _settings(run).items() if name != "methods"}
            place = (run.data.tags.get("setwise.method"), run.data.tags.get(TEST_TAG), *sorted(settings.items()))
            newest.pop(place, None)
            newest[place] = run
    runs = list(newest.values())
    known = [{**_settings(run), "test split": run.data.tags.get(TEST_TAG, "")[:8]} for run in runs]
    varied = _varied(known)
    return [
        _trial(run, {name: facts.get(name, "") for name in varied}, metric)
        for run, facts in zip(runs, known, strict=True)
    ]


def _settings(run: Run) -> dict[str, str]:
    """The params of the pipeline that the run logged; a registered model's own, such as `asking/k`, are none."""
    sections = Params.model_fields
    return {name: value for name, value in run.data.params.items() if name.partition(".")[0] in sections}


def _varied(params: Sequence[Mapping[str, str]]) -> list[str]:
    names = dict.fromkeys(name for one in params for name in one)
    return [name for name in names if len({one.get(name) for one in params}) > 1]


def _trial(run: Run, setting: Mapping[str, Any], metric: str) -> Trial:
    method = run.data.tags.get("setwise.method", run.info.run_name)
    return Trial(method, setting, run.data.metrics[metric], run.info.run_id)
