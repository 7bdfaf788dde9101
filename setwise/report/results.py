"""What the stages left behind, read once for the whole report."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from setwise.domains import Example
from setwise.errors import InputError
from setwise.evaluation import COST, MetricsReport, gold_digest
from setwise.methods import METHODS
from setwise.metrics.seeds import mean_over_seeds
from setwise.params import Params
from setwise.tracking import flatten

Curve = Sequence[Mapping[str, float]]
_VARIED = ("k", "seed", "methods")
"""Params in which the runs of a sweep may differ."""


@dataclass(frozen=True)
class Setup:
    """One way to get answers: a method's model asked by a protocol.

    Attributes:
        method: the method whose evaluation it is.
        protocol: the file name of the evaluation, such as `one` or `sample-3`.
        label: how the report calls it.
    """

    method: str
    protocol: str
    label: str

    @property
    def key(self) -> str:
        """Its name in metrics and plots: the method, and the protocol where it is not `one`."""
        return self.method if self.protocol == "one" else f"{self.method}/{self.protocol}"


@dataclass(frozen=True)
class Results:
    """Everything the report speaks of.

    Attributes:
        params: the params of the run.
        examples: the test split, in the order of the evaluations.
        evaluation: the folder that holds `<method>/<protocol>.parquet`.
        reports: metrics reports by method and protocol.
        curves: training curves by method, one row per logged step.
        validation: what `validate` wrote.
        sweeps: what sweeps of these params left, one object per file; empty where none ran:
            `{"params": {…}, "runs": [{"method", "k", "seed", "metrics": {"correct_at_K": …}, "curve": […]}]}`, where
            `params`, flat, are those that all runs share, and `metrics` those of one generation on the test split.
        unfit_sweeps: which files of sweeps were left out, and why.
        spent: what the evaluation of a method took, by method: `{seconds, device, revision}`; empty where unknown.
    """

    params: Params
    examples: Sequence[Example]
    evaluation: Path
    reports: Mapping[str, Mapping[str, MetricsReport]]
    curves: Mapping[str, Curve]
    validation: Mapping[str, Any]
    sweeps: Sequence[Mapping[str, Any]] = ()
    unfit_sweeps: Sequence[str] = ()
    spent: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of the run, in the order of the params."""
        return self.params.methods

    @property
    def k(self) -> int:
        """Answers in a set."""
        return self.params.k

    def store(self, setup: Setup) -> Path:
        """The generations of a set-up."""
        return self.evaluation / setup.method / f"{setup.protocol}.parquet"

    def report(self, setup: Setup) -> MetricsReport:
        """The metrics of a set-up."""
        return self.reports[setup.method][setup.protocol]

    def one(self, method: str) -> Setup:
        """A method asked once."""
        return Setup(method, "one", method)

    def many(self, method: str) -> Setup:
        """A method asked again and again, up to the number of answers that the curves go to."""
        protocols = self.reports[method]
        if METHODS[method].multi:
            return Setup(method, "curve", method)
        largest = max((p for p in protocols if p.startswith("sample-")), key=lambda p: int(p.removeprefix("sample-")))
        return Setup(method, largest, method)

    def contenders(self) -> list[Setup]:
        """The set-ups that give K answers to a question: sets of K, and K samples of single-answer models."""
        found = []
        for method in self.methods:
            if METHODS[method].multi:
                found.append(self.one(method))
            elif f"sample-{self.k}" in self.reports[method]:
                found.append(Setup(method, f"sample-{self.k}", f"{method} × {self.k}"))
        return found

    def extra(self, method: str, protocol: str) -> Setup | None:
        """A baseline of a method, if it was evaluated."""
        labels = {"warmstart": "warm start", "base": "untrained", "prompted": f"asked for {self.k} answers"}
        if protocol not in self.reports[method]:
            return None
        return Setup(method, protocol, f"{method}, {labels.get(protocol, protocol)}")

    def swept(self, method: str) -> list[Mapping[str, Any]]:
        """The runs of a method in all sweeps; of one K and seed, the last one's."""
        found = [run for sweep in self.sweeps for run in sweep.get("runs", ()) if run["method"] == method]
        return list({(run["k"], run["seed"]): run for run in found}.values())

    def by_k(self, method: str) -> list[Point]:
        """Right answers per set of a method, by K; empty where no sweep has it."""
        values: dict[int, list[float]] = defaultdict(list)
        for run in self.swept(method):
            value = run["metrics"].get(f"correct_at_{run['k']}")
            if value is not None:
                values[run["k"]].append(value)
        return [Point(k, *mean_over_seeds(found)) for k, found in sorted(values.items())]


class Point(NamedTuple):
    """Right answers per set at one K: mean over seeds and its 95% t interval; no interval with one seed."""

    k: int
    value: float
    lo: float | None
    hi: float | None

    @property
    def estimate(self) -> Mapping[str, float | None]:
        """The mean as `{value, lo, hi}`."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi}


def shared_params(params: Params) -> dict[str, str]:
    """The params that the runs of a sweep over K have in common, flat."""
    return {key: value for key, value in flatten(params.model_dump(mode="json")).items() if key not in _VARIED}


def _unfit(sweep: Mapping[str, Any], params: Params) -> str | None:
    """How the runs of a sweep differ from `params` in more than K and seed; None where they do not."""
    found: Mapping[str, str] = sweep.get("params", {})
    for key, value in shared_params(params).items():
        if key in found and found[key] != value:
            return f"{key} is {found[key]} there and {value} here"
    return None


def read_results(
    params: Params,
    examples: Sequence[Example],
    evaluation: Path,
    curves: Path,
    validation: Path,
    sweeps: Path,
) -> Results:
    """Read the outputs of the other stages.

    Raises:
        InputError: an output is missing or is not what its stage writes; the message says which stage to run.
    """
    swept = {path: _read_json(path, "sweep") for path in sorted(sweeps.glob("*.json"))}
    misfits = {path: _unfit(sweep, params) for path, sweep in swept.items()}
    digest = gold_digest(examples)
    return Results(
        params=params,
        examples=examples,
        evaluation=evaluation,
        reports={method: _read_reports(evaluation / method, params, digest) for method in params.methods},
        curves={method: _read_curve(curves / f"{method}.jsonl") for method in params.methods},
        validation=_read_json(validation, "validate"),
        sweeps=[sweep for path, sweep in swept.items() if misfits[path] is None],
        unfit_sweeps=[f"{path} was left out: {reason}" for path, reason in misfits.items() if reason is not None],
        spent={m: _read_json(evaluation / m / COST, f"judge@{m}") for m in params.methods},
    )


def _read_reports(folder: Path, params: Params, digest: str) -> dict[str, MetricsReport]:
    reports = {}
    for path in sorted(path for path in folder.glob("*.json") if path.name != COST):
        reports[path.stem] = _read_json(path, f"judge@{folder.name}")
        _check_made_so(path, reports[path.stem], params, digest)
    if "one" not in reports:
        raise InputError(f"{folder}: no evaluation of one generation; run `dvc repro judge@{folder.name}`")
    return reports


def _check_made_so(path: Path, report: MetricsReport, params: Params, gold: str) -> None:
    """Raise `InputError` for an evaluation of other data or params than those that are reported."""
    layout, sampling = report["key"]["protocol"]["layout"], report["key"]["sampling"]
    k = params.k if layout["k"] > 1 else 1
    facts = (
        ("the test split", report["gold"], gold),
        ("k", layout["k"], k),
        ("evaluate.temperature", sampling["temperature"], params.evaluate.temperature),
        ("evaluate.max_completion_tokens", sampling["max_tokens"], params.evaluate.max_completion_tokens),
        ("seed", sampling["seed"], params.seed),
    )
    for name, found, wanted in facts:
        if found != wanted:
            raise InputError(
                f"{path}: made with another {name} ({found} there, {wanted} here); "
                f"run `dvc repro judge@{path.parent.name}`"
            )


def _read_json(path: Path, stage: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro {stage}`") from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}); delete it and run `dvc repro {stage}`") from error


def _read_curve(path: Path) -> list[dict[str, float]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro train@{path.stem}`") from error
    except ValueError as error:
        remedy = f"delete it and run `dvc repro train@{path.stem}`"
        raise InputError(f"{path}: not one JSON object a line ({error}); {remedy}") from error
