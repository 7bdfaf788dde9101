"""The few metrics that stand for a run in `reports/metrics.json`, in DVC's tables and in the Prefect artifact."""

from __future__ import annotations

from typing import Any

from setwise.evaluation import MetricsReport
from setwise.report.results import Results, Setup

_PARTS = ("value", "lo", "hi")


def headline_names(answers: int) -> list[str]:
    """Names of the chosen metrics of a set-up that gives `answers` answers, most wanted first."""
    first = [f"coverage_at_{answers}", f"correct_at_{answers}"] if answers > 1 else []
    return [
        "valid_rate",
        "coverage_at_1",
        *first,
        "precision",
        "recall",
        "attainable_share",
        "posterior_share",
        "set_brier",
        "ece_mass",
        "auroc",
        "set_calibration_error",
        "tokens_per_question",
        "tokens_per_correct",
    ]


def headline_setups(results: Results) -> list[Setup]:
    """Every method asked once, and K samples of the single-answer ones."""
    once = [results.one(method) for method in results.methods]
    return [*once, *(setup for setup in results.contenders() if setup.protocol != "one")]


def headline(results: Results) -> dict[str, dict[str, dict[str, float | None]]]:
    """`{set-up: {metric: {value, lo, hi}}}`; a metric that is undefined for a set-up is left out there."""
    return {setup.key: _chosen(results.report(setup)) for setup in headline_setups(results)}


def _chosen(report: MetricsReport) -> dict[str, dict[str, Any]]:
    entries = report["metrics"]
    names = [name for name in headline_names(report["answers"]) if name in entries]
    return {n: {part: entries[n][part] for part in _PARTS} for n in names if entries[n]["value"] is not None}
