"""The table of metrics by set-up: values with intervals over all completions, and over the valid ones only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from setwise.evaluation.catalogue import VALID, metric
from setwise.evaluation.compare import Row
from setwise.report.labels import Label, label
from setwise.report.metrics import headline_names
from setwise.report.numbers import decimals, interval, number, with_interval
from setwise.report.results import Results, Setup

_GROUPS: dict[str, tuple[str, ...]] = {
    "Right answers": ("valid_rate", "undecided_rate", "coverage", "correct", "precision", "recall", "pass"),
    "Against the best attainable": (
        "attainable_coverage",
        "attainable_share",
        "posterior_share",
        "attainable_set_brier",
        "excess_set_brier",
        "excess_confidence_brier",
    ),
    "Confidences": (
        "set_brier",
        "answer_brier",
        "ece_width",
        "ece_mass",
        "auroc",
        "set_calibration_error",
        "mass_over_one",
    ),
    "Variety": ("unique_answers", "duplicate_rate", "effective_set_size"),
    "Cost": ("tokens_per_question", "tokens_per_distinct", "tokens_per_correct"),
    "Overlap between generations": ("overlap_3gram", "overlap_4gram", "overlap_jaccard", "overlap_rouge_l"),
}
"""Every metric family, by what it is about, in the order shown."""
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
    """A table of metrics.

    Attributes:
        key: its id on the page.
        baseline: whether it shows what the methods are compared with.
        title, note: above it.
        columns: the set-ups.
        chief: the rows that stand for the others.
        groups: all rows, by what they are about.
    """

    key: str
    baseline: bool
    title: str
    note: str
    columns: tuple[str, ...]
    chief: tuple[TableRow, ...]
    groups: tuple[tuple[str, tuple[TableRow, ...]], ...]


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
    reports = [results.report(setup) for setup in setups]
    columns = [report["metrics"] for report in reports]
    names = {name for column in columns for name in column if not name.endswith(VALID)}
    rows = {name: _row(name, columns) for name in names if any(_known(column.get(name)) for column in columns)}
    answers = sorted({report["answers"] for report in reports}, reverse=True)
    chief = list(dict.fromkeys(name for n in answers for name in headline_names(n)))
    groups = [(group, tuple(rows[name] for name in _of(group, rows))) for group in _GROUPS]
    return Table(
        key,
        key in _BASELINES,
        title,
        note,
        tuple(setup.label for setup in setups),
        tuple(rows[name] for name in chief if name in rows),
        tuple((group, members) for group, members in groups if members),
    )


def _of(group: str, names: Collection[str]) -> list[str]:
    """The metrics of a group among `names`, in the group's order, then by k."""
    order = {family: at for at, family in enumerate(_GROUPS[group])}

    def place(name: str) -> tuple[int, int] | None:
        family, _, k = name.partition("_at_")
        return (order[family], int(k or 0)) if family in order else None

    placed = {name: found for name in names if (found := place(name)) is not None}
    return sorted(placed, key=placed.__getitem__)


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


def gain_rows(gains: Sequence[tuple[Setup, Row]]) -> list[tuple[str, ...]]:
    """(method, metric, warm start, trained, difference, verdict) as text."""
    rows: list[tuple[str, ...]] = []
    for setup, row in gains:
        difference = {"value": row.difference, "lo": row.lo, "hi": row.hi}
        places = decimals([difference])
        before, after = number(row.a, places), number(row.b, places)
        rows.append(
            (setup.label, label(row.metric).name, before, after, with_interval(difference, sign=True), row.verdict)
        )
    return rows
