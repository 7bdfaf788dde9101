"""The table of metrics by set-up: values with intervals over all completions, and over the valid ones only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from setwise.evaluation.catalogue import VALID, metric
from setwise.report.labels import Label, label
from setwise.report.numbers import decimals, interval, number
from setwise.report.results import Results, Setup

_ARROWS = {"higher": "↑", "lower": "↓", None: ""}


@dataclass(frozen=True)
class Cell:
    """One figure: its value, interval, and why there is none."""

    value: str
    interval: str
    reason: str
    best: bool


@dataclass(frozen=True)
class TableRow:
    """One metric over the set-ups, in both forms; `valid` is empty where it has but one."""

    label: Label
    arrow: str
    better: str
    all: tuple[Cell, ...]
    valid: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table of metrics: `key` is its id on the page; the columns are set-ups."""

    key: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


_BASELINES = {
    "prompted": (
        "Single-answer models asked for {k} answers",
        "The weights of a single-answer method, the prompt of a multi-answer one.",
    ),
    "warmstart": ("The warm start, asked as each method asks", "Where every method started from."),
    "base": ("The untrained policy, asked as each method asks", "Before the warm start."),
}


def method_tables(results: Results) -> list[Table]:
    """Methods asked once; K answers whichever way; the baselines."""
    once = [results.one(method) for method in results.methods]
    note = "Single-answer methods give one answer, the others a set."
    tables = [_table(results, "once", "Each method, one generation", note, once)]
    contenders = results.contenders()
    if contenders and contenders != once:
        note = f"Sets of {results.k} from one generation; the union of {results.k} samples of a single-answer model."
        tables.append(_table(results, "matched", f"{results.k} answers, whichever way", note, contenders))
    for protocol, (title, note) in _BASELINES.items():
        setups = [setup for method in results.methods if (setup := results.extra(method, protocol))]
        if setups:
            tables.append(_table(results, protocol, title.format(k=results.k), note, setups))
    return tables


def _table(results: Results, key: str, title: str, note: str, setups: Sequence[Setup]) -> Table:
    columns = [results.report(setup)["metrics"] for setup in setups]
    names = list(dict.fromkeys(name for column in columns for name in column if not name.endswith(VALID)))
    rows = [_row(name, columns) for name in names if any(_known(column.get(name)) for column in columns)]
    return Table(key, title, note, tuple(setup.label for setup in setups), tuple(rows))


def _known(entry: dict[str, Any] | None) -> bool:
    return entry is not None and entry["value"] is not None


def _row(name: str, columns: Sequence[dict[str, Any]]) -> TableRow:
    valid = any(name + VALID in column for column in columns)
    better = metric(name).better
    return TableRow(
        label(name),
        _ARROWS[better],
        f"{better} is better" if better else "",
        _cells([column.get(name) for column in columns], better),
        _cells([column.get(name + VALID) for column in columns], better) if valid else (),
    )


def _cells(entries: Sequence[dict[str, Any] | None], better: str | None) -> tuple[Cell, ...]:
    known = [entry for entry in entries if entry is not None and entry["value"] is not None]
    places = decimals(known)
    best = None
    if better and len(known) > 1:
        best = (max if better == "higher" else min)(entry["value"] for entry in known)
    cells = []
    for entry in entries:
        if entry is None:
            cells.append(Cell("–", "", "not measured with this number of answers", False))
        else:
            reason = entry["reason"] or ""
            is_best = best is not None and entry["value"] == best
            cells.append(Cell(number(entry["value"], places), interval(entry, places), reason, is_best))
    return tuple(cells)
