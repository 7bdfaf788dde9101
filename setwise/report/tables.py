"""The report's tables: metrics by set-up, in both forms; and lists of text, each cell as it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from setwise.domains import Example
from setwise.evaluation.compare import Match, Row, equal_tokens
from setwise.evaluation.tally import Tally, tally
from setwise.metrics.bootstrap import intervals
from setwise.metrics.catalogue import VALID, Metric, chief_names, in_order, metric
from setwise.metrics.estimates import decimals, interval, number, with_interval
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Floats
from setwise.params import Params
from setwise.report.comparisons import Comparisons
from setwise.report.results import Results, Setup

_MOST_VALUES = 6
"""A column with more different values describes single questions, not groups of them."""
_PAIRS = (("rlvr_single", "rlvr_multi"), ("rlcr_single", "rlcr_multi"))
_COMPARED = ("coverage", "correct", "unique")
_OVERLAPS = ("overlap_3gram", "overlap_4gram", "overlap_jaccard", "overlap_rouge_l")


class Listing(NamedTuple):
    """A table of text: what it is called, its header, its rows."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


class Cell(NamedTuple):
    """One figure: its value, its interval, why there is none, whether it is the best of its row."""

    value: str
    interval: str
    reason: str
    best: bool


class TableRow(NamedTuple):
    """One metric over the set-ups: over all completions, and over the valid ones; none where it has but one form."""

    metric: Metric
    all: list[Cell]
    valid: list[Cell]


@dataclass(frozen=True)
class Table:
    """A table of metrics.

    Attributes:
        key: its id on the page.
        title, note: above it.
        columns: the set-ups.
        chief: the rows that stand for the others.
        groups: all rows, by what they are about.
    """

    key: str
    title: str
    note: str
    columns: tuple[str, ...]
    chief: list[TableRow]
    groups: dict[str, list[TableRow]]


def method_tables(results: Results) -> list[Table]:
    """Methods asked once; K answers whichever way."""
    once = [results.one(method) for method in results.methods]
    note = "Single-answer methods give one answer, the others a set."
    tables = [_table(results, "once", "Each method, one generation", note, once)]
    contenders = results.contenders()
    if contenders and contenders != once:
        note = f"Sets of {results.k} from one generation; the union of {results.k} samples of a single-answer model."
        tables.append(_table(results, "matched", f"{results.k} answers, whichever way", note, contenders))
    return tables


def baseline_tables(results: Results) -> list[Table]:
    """What the methods are compared with, as far as it was evaluated."""
    known = {
        "prompted": (
            f"Single-answer models asked for {results.k} answers",
            "The weights of a single-answer method, the prompt of a multi-answer one.",
        ),
        "warmstart": ("The warm start, asked as each method asks", "Where every method started from."),
        "base": ("The untrained policy, asked as each method asks", "Before the warm start."),
    }
    found = {key: [s for method in results.methods if (s := results.extra(method, key))] for key in known}
    return [_table(results, key, *known[key], setups) for key, setups in found.items() if setups]


def _table(results: Results, key: str, title: str, note: str, setups: Sequence[Setup]) -> Table:
    reports = [results.report(setup) for setup in setups]
    columns = [report["metrics"] for report in reports]
    known = {name for column in columns for name, entry in column.items() if entry["value"] is not None}
    rows = {name: _row(name, columns) for name in known if not name.endswith(VALID)}
    answers = sorted({report["answers"] for report in reports}, reverse=True)
    chief = dict.fromkeys(name for n in answers for name in chief_names(n) if name in rows)
    groups = {group: [rows[name] for name in members] for group, members in in_order(rows).items()}
    return Table(key, title, note, tuple(s.label for s in setups), [rows[name] for name in chief], groups)


def _row(name: str, columns: Sequence[Mapping[str, Any]]) -> TableRow:
    entry = metric(name)
    forms = [_cells([column.get(form) for column in columns], entry) for form in (name, name + VALID)]
    return TableRow(entry, forms[0], forms[1] if any(name + VALID in column for column in columns) else [])


def _cells(entries: Sequence[Mapping[str, Any] | None], of: Metric) -> list[Cell]:
    known = [entry for entry in entries if entry is not None and entry["value"] is not None]
    places = decimals(known)
    best = None
    if of.better and len(known) > 1:
        best = (max if of.better == "higher" else min)(entry["value"] for entry in known)
    cells = []
    for entry in entries:
        if entry is None:
            cells.append(Cell("–", "", "not measured with this number of answers", False))
        else:
            is_best = best is not None and entry["value"] == best
            value = number(entry["value"], places)
            cells.append(Cell(value, interval(entry, places), entry["reason"] or "", is_best))
    return cells


def gain_list(gains: Iterable[tuple[Setup, Row]]) -> Listing:
    """Each method after training against before."""
    rows: list[tuple[str, ...]] = []
    for setup, row in gains:
        difference = {"value": row.difference, "lo": row.lo, "hi": row.hi}
        places = decimals([difference])
        before, after = number(row.a, places), number(row.b, places)
        change = with_interval(difference, sign=True)
        rows.append((setup.label, metric(row.metric).label, before, after, change, row.verdict))
    header = ("method", "metric", "warm start", "trained", "difference", "verdict")
    return Listing("Against the warm start", header, rows)


def matched_list(comparisons: Comparisons) -> Listing:
    """By how much sets are ahead of repeated sampling, for as many answers and for as many tokens, with intervals."""
    results = comparisons.results
    rows = []
    for single, multi in _PAIRS:
        if single in results.methods and multi in results.methods:
            a, b = results.many(single), results.many(multi)
            rows += [_matched_row(comparisons, basis, match, a, b) for basis, match in _matches(comparisons, a, b)]
    header = ("sets against samples", "matched by", "answers", "tokens", "covered", "correct", "unique")
    return Listing("Sets against repeated sampling", header, rows)


def _matches(comparisons: Comparisons, a: Setup, b: Setup) -> list[tuple[str, Match]]:
    answers = comparisons.shared_answers(comparisons.results.params.evaluate.answers, a, b)
    found = [("answers", Match(answers, answers))]
    match = equal_tokens(comparisons.tally(a), comparisons.tally(b))
    return [*found, ("tokens", match)] if min(match) > 0 else found


def _matched_row(comparisons: Comparisons, basis: str, match: Match, a: Setup, b: Setup) -> tuple[str, ...]:
    found = comparisons.matched(match, a, b)
    tokens = found["tokens"]
    ahead = [found[name] for name in CURVES if name in _COMPARED]
    return (
        f"{b.label} against {a.label}",
        basis,
        f"{match.b_answers} / {match.a_answers}",
        f"{number(tokens.b, 0)} / {number(tokens.a, 0)}",
        *(with_interval({"value": row.difference, "lo": row.lo, "hi": row.hi}, sign=True) for row in ahead),
    )


def overlap_list(results: Results) -> Listing:
    """Of each method: its overlaps between valid generations, with intervals."""
    rows: list[tuple[str, ...]] = []
    for method in results.methods:
        metrics = results.report(results.many(method))["metrics"]
        rows.append((method, *(with_interval(metrics[name + VALID]) for name in _OVERLAPS)))
    header = ("method", *(metric(name).label.removesuffix(" overlap") for name in _OVERLAPS))
    return Listing("Overlap between samples", header, rows)


def group_lists(results: Results) -> list[Listing]:
    """Coverage of the whole set and validity by method, for each column that parts the test split into a few groups."""
    columns = group_columns(results.examples)
    if not columns:
        return []
    sums = {method: tally(results.store(results.one(method)), results.examples) for method in results.methods}
    measured = [(m, name) for m in results.methods for name in ("pass_at_1", "valid_rate")]
    header = ("questions", *(f"{m}: {what}" for m in results.methods for what in ("coverage", "valid")))
    found = []
    for column, groups in columns.items():
        rows = [
            (str(value), str(len(rows)), *(_of_some(sums[m], name, rows, results.params) for m, name in measured))
            for value, rows in sorted(groups.items(), key=lambda pair: str(pair[0]))
        ]
        found.append(Listing(f"By {column}", (column, *header), rows))
    return found


def group_columns(examples: Sequence[Example]) -> dict[str, dict[Any, list[int]]]:
    """Column → value → rows, for the columns that every example has and that part them into two to six groups."""
    found: dict[str, dict[Any, list[int]]] = {}
    for column in examples[0].columns if examples else ():
        groups: dict[Any, list[int]] = {}
        for row, example in enumerate(examples):
            value = example.columns.get(column)
            if not isinstance(value, str | int):
                break
            groups.setdefault(value, []).append(row)
        else:
            if 2 <= len(groups) <= _MOST_VALUES:
                found[column] = groups
    return found


def _of_some(sums: Tally, name: str, rows: list[int], params: Params) -> str:
    """A metric over some of the questions, with its interval where there are two questions or more."""
    column = sums.metrics.index(name)
    parts = np.stack([sums.numerators[rows, column], sums.denominators[rows, column]], axis=1)

    def ratio(drawn: Sequence[Floats]) -> Floats:
        above, below = drawn[0][:, :1], drawn[0][:, 1:]
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

    value = float(ratio([parts.sum(axis=0, keepdims=True)])[0, 0])
    if np.isnan(value):
        return "–"
    found = intervals([parts], ratio, params.evaluate.resamples, params.seed)
    lo, hi = float(found.lo[0]), float(found.hi[0])
    sure = bool(np.isfinite(lo))
    return with_interval({"value": value, "lo": lo if sure else None, "hi": hi if sure else None})
