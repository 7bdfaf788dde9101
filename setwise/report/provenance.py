"""Where the report's figures come from: code, params, data, weights, versions, and what they cost."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from setwise.evaluation.store import Store
from setwise.report.numbers import count, seconds
from setwise.report.results import Results, Setup

_PACKAGES = (
    "setwise",
    "torch",
    "transformers",
    "trl",
    "vllm",
    "peft",
    "accelerate",
    "numpy",
    "pyarrow",
    "dvc",
    "mlflow",
    "prefect",
    "great-expectations",
)
_MODEL = {"warmstart": "warmstart", "base": "base"}


@dataclass(frozen=True)
class Cost:
    """What a method cost: in training, and in the evaluation of all its protocols. None where it is not known."""

    method: str
    steps: int
    train_tokens: int | None
    train_seconds: float | None
    evaluate_tokens: int
    evaluate_seconds: float | None
    device: str | None

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            self.method,
            count(self.steps),
            "–" if self.train_tokens is None else count(self.train_tokens),
            seconds(self.train_seconds),
            count(self.evaluate_tokens),
            seconds(self.evaluate_seconds),
            self.device or "–",
        )


def revision(results: Results) -> str | None:
    """The revision of the code that evaluated, as git said it then; which one where methods differ; None if unknown."""
    found = {method: results.spent.get(method, {}).get("revision") for method in results.methods}
    known = {said for said in found.values() if said is not None}
    if len(set(found.values())) == 1:
        return next(iter(known), None)
    return "; ".join(f"{method}: {said or 'not known'}" for method, said in found.items())


def costs(results: Results) -> list[Cost]:
    """The cost of every method; seconds of training are the sum of its steps."""
    found = []
    for method in results.methods:
        curve = results.curves[method]
        spent = results.spent.get(method, {})
        steps = sum(row.get("train/step_time", 0.0) for row in curve) or None
        tokens = max((row.get("train/num_tokens", 0.0) for row in curve), default=0.0)
        found.append(
            Cost(
                method=method,
                steps=int(max((row["step"] for row in curve), default=0)),
                train_tokens=int(tokens) or None,
                train_seconds=steps,
                evaluate_tokens=sum(_tokens(results, Setup(method, p, method)) for p in results.reports[method]),
                evaluate_seconds=spent.get("seconds"),
                device=spent.get("device"),
            )
        )
    return found


def _tokens(results: Results, setup: Setup) -> int:
    import pyarrow.compute as pc

    store = Store(results.store(setup))
    groups = (store.read_group(index, ["n_tokens"]) for index in range(store.n_groups))
    return sum(pc.sum(group.column(0)).as_py() or 0 for group in groups)


def digests(results: Results) -> list[tuple[str, str]]:
    """What was read: (split or model, sha256)."""
    splits = results.validation["splits"]
    data = [(f"{results.params.domain.name}/{split}.parquet", splits[split]["digest"]) for split in sorted(splits)]
    weights: dict[str, str] = {}
    for method in results.methods:
        for protocol, report in results.reports[method].items():
            weights[f"weights of {_MODEL.get(protocol, method)}"] = report["key"]["weights"]
    return [*data, *sorted(weights.items())]


def versions() -> list[tuple[str, str]]:
    """Versions of Python and of the packages that matter here, of those that are installed."""
    found = [("python", platform.python_version())]
    for package in _PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found


def flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested params as (dotted key, text)."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", _plain(value)))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)
