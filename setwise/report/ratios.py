"""Ratios and gaps that claims are about, with paired bootstrap intervals: unique answers, tokens, overconfidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from setwise.evaluation.store import Store
from setwise.metrics.bootstrap import intervals
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Floats
from setwise.report.comparisons import Comparisons
from setwise.report.results import Setup

CONFIDENT = 0.4
"""Above this confidence the paper finds RLVR-multi overconfident."""


@dataclass(frozen=True)
class Ratio:
    """A figure `of` set against another `to`: their ratio (or difference) with its interval, None where undefined."""

    of: float
    to: float
    value: float
    lo: float | None
    hi: float | None

    @property
    def estimate(self) -> Mapping[str, float | None]:
        """The ratio as `{value, lo, hi}`."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi}


def unique_ratio(comparisons: Comparisons, a: Setup, b: Setup) -> Ratio:
    """Unique answers of `a` over those of `b`, both among the most answers that the two were asked for."""
    curves = [comparisons.tally(setup).curves[:, CURVES.index("unique")] for setup in (a, b)]
    last = min(curve.shape[1] for curve in curves) - 1
    return _interval(comparisons, [curve[:, last : last + 1] for curve in curves], lambda sums: (sums[0], sums[1]))


def tokens_ratio(comparisons: Comparisons, a: Setup, b: Setup, answers: int) -> Ratio:
    """Tokens of the first `answers` answers of `a` over those `b` spends on as many different ones.

    Between two numbers of samples the tokens are interpolated. Where `b` never gets that many, it is charged all it
    spent, so that the ratio is an upper bound.
    """
    curves = [comparisons.tally(setup).curves for setup in (a, b)]
    n_questions = len(curves[0])

    def pair(sums: Sequence[Floats]) -> tuple[Floats, Floats]:
        of_a, of_b = (s.reshape(len(s), len(CURVES), -1) for s in sums)
        unique, tokens = CURVES.index("unique"), CURVES.index("tokens")
        wanted = of_a[:, unique, answers - 1]
        spent = np.array([np.interp(w, b[unique], b[tokens]) for w, b in zip(wanted, of_b, strict=True)])
        return of_a[:, tokens, answers - 1 : answers], spent[:, None]

    columns = [curve.reshape(n_questions, -1) for curve in curves]
    return _interval(comparisons, columns, pair)


def _interval(
    comparisons: Comparisons, columns: Sequence[Floats], pair: Callable[[Sequence[Floats]], tuple[Floats, Floats]]
) -> Ratio:
    """The ratio of a pair of sums over questions, with its interval."""

    def ratio(sums: Sequence[Floats]) -> Floats:
        over, under = pair(sums)
        return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)

    n_questions = len(columns[0])
    sums = [matrix.sum(axis=0, keepdims=True) for matrix in columns]
    over, under = pair(sums)
    found = intervals(columns, ratio, comparisons.resamples, comparisons.results.params.seed)
    of, to = float(over[0, 0]) / n_questions, float(under[0, 0]) / n_questions
    return Ratio(of, to, float(ratio(sums)[0, 0]), *_ends(found.lo[0], found.hi[0]))


def _ends(lo: float, hi: float) -> tuple[float | None, float | None]:
    return (float(lo), float(hi)) if np.isfinite(lo) else (None, None)


def overconfidence(comparisons: Comparisons, setup: Setup) -> Ratio | None:
    """Mean stated confidence minus the share of right answers, of answers stated above `CONFIDENT`."""
    sums = comparisons.tally(setup).calibration
    if sums is None:
        return None
    sure = sums.confidence > CONFIDENT
    weights = np.stack([sums.count, sums.confidence * sums.count, sums.hits], axis=1)[sure]
    return _gap(comparisons, sums.question[sure], weights)


def stand_in_overconfidence(comparisons: Comparisons, setup: Setup) -> Ratio | None:
    """The same for a model that states none: the share of its valid generations that give an answer stands in."""
    store = Store(comparisons.results.store(setup))
    n = store.key.protocol.generations
    questions, weights = [], []
    index = 0
    for table in store.groups():
        rows = table.select(["keys", "hits", "reason"]).to_pylist()
        for start in range(0, len(rows), n):
            for share, hit in _shares(rows[start : start + n]):
                if share > CONFIDENT:
                    questions.append(index)
                    weights.append((1.0, share, float(hit)))
            index += 1
    return _gap(comparisons, np.array(questions, dtype=np.int64), np.array(weights).reshape(-1, 3))


def _shares(rows: Sequence[Mapping[str, list[str] | list[int] | str | None]]) -> list[tuple[float, bool]]:
    """(share of the valid generations that give it, whether it is a hit) of each answer to one question."""
    valid = [row for row in rows if row["reason"] is None]
    given: Counter[str] = Counter()
    hits: set[str] = set()
    for row in valid:
        keys, judged = row["keys"] or [], row["hits"] or []
        given.update(map(str, keys))
        hits.update(str(key) for key, hit in zip(keys, judged, strict=True) if hit)
    return [(times / len(valid), key in hits) for key, times in given.items()]


def _gap(comparisons: Comparisons, question: np.ndarray, weights: Floats) -> Ratio | None:
    """Stated minus observed from [P, 3] rows of (answers, Σ stated, hits), clustered by their questions."""
    if len(question) == 0:
        return None
    columns = np.zeros((len(comparisons.results.examples), 3))
    np.add.at(columns, question, weights)

    def gap(sums: Sequence[Floats]) -> Floats:
        n, stated, hits = sums[0][:, :1], sums[0][:, 1:2], sums[0][:, 2:]
        return np.divide(stated - hits, n, out=np.full(n.shape, np.nan), where=n > 0)

    found = intervals([columns], gap, comparisons.resamples, comparisons.results.params.seed)
    n, stated, hits = columns.sum(axis=0)
    return Ratio(stated / n, hits / n, (stated - hits) / n, *_ends(found.lo[0], found.hi[0]))
