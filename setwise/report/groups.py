"""Results by what a domain reports its questions by, such as how many paragraphs were taken out of a context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from setwise.domains import Example
from setwise.evaluation.tally import Tally, tally
from setwise.metrics.bootstrap import intervals
from setwise.metrics.sets import Floats
from setwise.params import Params
from setwise.report.numbers import with_interval
from setwise.report.results import Results, Setup

_MOST_VALUES = 6
"""A column with more different values describes single questions, not groups of them."""
_METRICS = ("pass_at_1", "valid_rate")


@dataclass(frozen=True)
class Grouping:
    """One column: a header and a row per value, number of questions first, then coverage and validity by method."""

    column: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def groupings(results: Results) -> list[Grouping]:
    """One grouping per column of the test split that parts it into two to six groups."""
    columns = group_columns(results.examples)
    if not columns:
        return []
    setups = [Setup(method, "one", method) for method in results.methods]
    sums = {setup.method: tally(results.store(setup), results.examples) for setup in setups}
    header = ("questions", *(f"{m}: {what}" for m in results.methods for what in ("coverage", "valid")))
    return [
        Grouping(
            column,
            (column, *header),
            tuple(
                (
                    str(value),
                    str(len(rows)),
                    *(_figure(sums[m], name, rows, results.params) for m in results.methods for name in _METRICS),
                )
                for value, rows in sorted(groups.items(), key=lambda pair: str(pair[0]))
            ),
        )
        for column, groups in columns.items()
    ]


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


def _figure(sums: Tally, name: str, rows: list[int], params: Params) -> str:
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
