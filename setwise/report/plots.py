"""The report's series as CSV files for `dvc plots`, one file a plot, with the method as a column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from setwise.report.results import Results

_TRAINING = {"reward": "train/reward", "valid": "train/valid", "coverage": "train/coverage", "brier": "train/brier"}
_ANSWERS = ("coverage", "correct", "unique", "tokens")


def plots(results: Results) -> dict[str, str]:
    """File name → CSV text: `training.csv`, `answers.csv`, `reliability.csv` and `unique.csv`."""
    return {
        "training.csv": _csv(("method", "step", *_TRAINING), _training(results)),
        "answers.csv": _csv(("method", "answers", *_ANSWERS), _answers(results)),
        "reliability.csv": _csv(("method", "stated", "observed", "lo", "hi", "answers"), _reliability(results)),
        "unique.csv": _csv(("method", "unique", "questions"), _unique(results)),
    }


def _csv(header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _training(results: Results) -> Iterable[Mapping[str, Any]]:
    for method in results.methods:
        for row in results.curves[method]:
            yield {"method": method, "step": int(row["step"])} | {
                name: round(row[key], 6) for name, key in _TRAINING.items() if key in row
            }


def _answers(results: Results) -> Iterable[Mapping[str, Any]]:
    for method in results.methods:
        curves = results.report(results.many(method))["curves"]
        for index, answers in enumerate(curves["answers"]):
            found = {name: curves[name]["value"][index] for name in _ANSWERS}
            known = {name: round(value, 6) for name, value in found.items() if value is not None}
            yield {"method": method, "answers": answers} | known


def _reliability(results: Results) -> Iterable[Mapping[str, Any]]:
    for method in results.methods:
        calibration = results.report(results.one(method))["calibration"]
        for entry in calibration["reliability"] if calibration else ():
            shown = {part: entry[part] and round(entry[part], 6) for part in ("stated", "observed", "lo", "hi")}
            yield {"method": method, "answers": entry["n"], **shown}


def _unique(results: Results) -> Iterable[Mapping[str, Any]]:
    for method in results.methods:
        histogram = results.report(results.many(method))["unique_histogram"]
        for unique, questions in zip(histogram["unique"], histogram["questions"], strict=True):
            yield {"method": method, "unique": unique, "questions": questions}
