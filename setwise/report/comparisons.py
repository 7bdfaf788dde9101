"""Paired comparisons between set-ups, each computed once: who is best at what, by how much for sure, how many times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from setwise.evaluation.compare import Match, Row, compare_tallies, match_tallies
from setwise.evaluation.store import Store
from setwise.evaluation.tally import Tally, tally
from setwise.methods import METHODS
from setwise.metrics.bootstrap import intervals
from setwise.metrics.catalogue import metric
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Floats
from setwise.report.results import Results, Setup

CONFIDENT = 0.4
"""Above this confidence the paper finds RLVR-multi overconfident."""


@dataclass
class Comparisons:
    """Comparisons of the set-ups of one run; sums and rows are kept, since several parts of the report ask for them."""

    results: Results
    _tallies: dict[Setup, Tally] = field(default_factory=dict)
    _rows: dict[tuple[Setup, Setup], dict[str, Row]] = field(default_factory=dict)

    @property
    def resamples(self) -> int:
        """Bootstrap resamples of every interval."""
        return self.results.params.evaluate.resamples

    def tally(self, setup: Setup) -> Tally:
        """The sums of a set-up by question."""
        if setup not in self._tallies:
            self._tallies[setup] = tally(self.results.store(setup), self.results.examples)
        return self._tallies[setup]

    def row(self, name: str, a: Setup, b: Setup) -> Row | None:
        """`b` against `a` in one metric; None where one of them does not have it."""
        if (a, b) not in self._rows:
            found = compare_tallies(self.tally(a), self.tally(b), self.resamples, self.results.params.seed)
            self._rows[a, b] = {row.metric: row for row in found}
        return self._rows[a, b].get(name)

    def shared_answers(self, asked: int, a: Setup, b: Setup) -> int:
        """`asked`, or as many answers as both set-ups have if that is fewer."""
        return min(asked, *(self.tally(setup).curves.shape[2] for setup in (a, b)))

    def at(self, answers: int, a: Setup, b: Setup) -> dict[str, Row]:
        """The four curves of `b` against `a` over their first `answers` answers."""
        return self.matched(Match(answers, answers), a, b)

    def matched(self, match: Match, a: Setup, b: Setup) -> dict[str, Row]:
        """The four curves of `b` against `a`, each over as many of its first answers as `match` says."""
        seed = self.results.params.seed
        found = match_tallies(self.tally(a), self.tally(b), match, self.resamples, seed)
        return {row.metric: row for row in found}


@dataclass(frozen=True)
class Contest:
    """Who is best at one thing.

    Attributes:
        question: what is asked, such as "finds a right answer most often".
        metric: by which it is judged.
        winner: the set-up with the best value.
        estimate: that value with its interval.
        rivals: every other set-up with the difference of the winner to it, nearest first.
    """

    question: str
    metric: str
    winner: Setup
    estimate: Mapping[str, Any]
    rivals: tuple[tuple[Setup, Row], ...]

    @property
    def beaten(self) -> list[Setup]:
        """The rivals that the winner is better than with 95% confidence."""
        return [setup for setup, row in self.rivals if row.verdict == "better"]

    @property
    def tied(self) -> list[Setup]:
        """The rivals that can't be told from the winner."""
        return [setup for setup, row in self.rivals if row.verdict != "better"]


def contests(comparisons: Comparisons) -> list[Contest]:
    """The contests that decide which model to ship; those with fewer than two set-ups are left out."""
    results = comparisons.results
    k = results.k
    once = [results.one(method) for method in results.methods]
    sets = results.contenders()
    stating = [setup for setup in sets if METHODS[setup.method].confidences]
    several = any(len(example.gold) > 1 for example in results.examples)
    asked: list[tuple[str, str, Sequence[Setup]]] = [
        (f"most often has a right answer among {k}", f"coverage_at_{k}", sets),
        *([(f"has the most right answers among {k}", f"correct_at_{k}", sets)] if several else []),
        ("is most often right with its first answer", "coverage_at_1", once),
        ("states the most truthful confidences", _truthfulness(results), stating),
        ("needs the fewest tokens for a right answer", "tokens_per_correct", sets),
    ]
    found = (_contest(comparisons, *question) for question in asked)
    return [contest for contest in found if contest is not None]


def _truthfulness(results: Results) -> str:
    """The metric of how true confidences are that does not depend on how many answers a set has, as set Brier does."""
    return "excess_confidence_brier" if any(example.posterior for example in results.examples) else "ece_mass"


def _contest(comparisons: Comparisons, question: str, name: str, setups: Sequence[Setup]) -> Contest | None:
    def entry(setup: Setup) -> Mapping[str, Any]:
        found: Mapping[str, Any] = comparisons.results.report(setup)["metrics"].get(name, {"value": None})
        return found

    known = [setup for setup in setups if entry(setup)["value"] is not None]
    if len(known) < 2:
        return None
    best: Callable[..., Setup] = max if metric(name).better == "higher" else min
    winner = best(known, key=lambda setup: entry(setup)["value"])
    rows = [(rival, comparisons.row(name, rival, winner)) for rival in known if rival != winner]
    rivals = [(rival, row) for rival, row in rows if row is not None and row.difference is not None]
    rivals.sort(key=lambda pair: abs(pair[1].difference or 0.0))
    return Contest(question, name, winner, entry(winner), tuple(rivals))


def gains(comparisons: Comparisons) -> list[tuple[Setup, Row]]:
    """Each method against the warm start it began from, in coverage (and in set Brier where it states confidences)."""
    found = []
    for method in comparisons.results.methods:
        before, after = comparisons.results.extra(method, "warmstart"), comparisons.results.one(method)
        if before is None:
            continue
        answers = METHODS[method].answers(comparisons.results.k)
        for name in (f"coverage_at_{answers}", "valid_rate", "set_brier", "ece_mass"):
            row = comparisons.row(name, before, after)
            if row is not None and row.difference is not None:
                found.append((after, row))
    return found


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


def unique_ratio(comparisons: Comparisons, a: Setup, b: Setup, answers: int) -> Ratio | None:
    """Unique answers of `a` over those of `b`, both among the first `answers`; None if `b` has none."""
    curves = [comparisons.tally(setup).judged_curves[:, CURVES.index("unique")] for setup in (a, b)]
    last = answers - 1
    return _interval(comparisons, [curve[:, last : last + 1] for curve in curves], lambda sums: (sums[0], sums[1]))


def first_answer_ratio(comparisons: Comparisons, a: Setup, b: Setup) -> Ratio | None:
    """How often the first answer of `a` is right over how often that of `b` is; None if `b` never is."""
    tallies = [comparisons.tally(setup) for setup in (a, b)]
    right = [t.numerators[:, t.metrics.index("coverage_at_1")][:, None] for t in tallies]
    asked = [t.denominators[:, t.metrics.index("coverage_at_1")].sum() for t in tallies]
    columns = [hits / total * len(hits) for hits, total in zip(right, asked, strict=True)]
    return _interval(comparisons, columns, lambda sums: (sums[0], sums[1]))


def tokens_ratio(comparisons: Comparisons, a: Setup, b: Setup, answers: int) -> Ratio | None:
    """Tokens of the first `answers` answers of `a` over those `b` spends on as many different ones.

    Between two numbers of samples the tokens are interpolated. Where `b` never gets that many, it is charged all it
    spent, so that the ratio is an upper bound.
    """
    curves = [comparisons.tally(setup).judged_curves for setup in (a, b)]
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
) -> Ratio | None:
    """The ratio of a pair of sums over questions, with its interval; None over nothing."""

    def ratio(sums: Sequence[Floats]) -> Floats:
        over, under = pair(sums)
        return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)

    n_questions = len(columns[0])
    sums = [matrix.sum(axis=0, keepdims=True) for matrix in columns]
    over, under = pair(sums)
    if not under[0, 0] > 0:
        return None
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
    """The same for a model that states none: the share of its valid generations with a verdict that give an
    answer stands in.

    Half of a question's generations say which answers are confident, the other half what their share is, and the other
    way round: of the same generations, those picked for a high share would have one that is too high.
    """
    store = Store(comparisons.results.store(setup))
    n = store.key.protocol.generations
    questions, weights = [], []
    index = 0
    for table in store.groups():
        rows = table.select(["keys", "hits", "reason", "faults"]).to_pylist()
        for start in range(0, len(rows), n):
            decided = [row for row in rows[start : start + n] if not row["faults"]]
            for picked_by, share, hit in _shares(decided):
                if picked_by > CONFIDENT:
                    questions.append(index)
                    weights.append((1.0, share, float(hit)))
            index += 1
    return _gap(comparisons, np.array(questions, dtype=np.int64), np.array(weights).reshape(-1, 3))


def _shares(rows: Sequence[Mapping[str, list[str] | list[int] | str | None]]) -> list[tuple[float, float, bool]]:
    """(share in one half of the valid generations, in the other half, hit) of each answer to a question, both ways."""
    valid = [row for row in rows if row["reason"] is None]
    halves = [valid[0::2], valid[1::2]]
    if not halves[1]:
        return []
    given = [Counter(str(key) for row in half for key in row["keys"] or []) for half in halves]
    hits = {str(key) for row in valid for key, hit in zip(row["keys"] or [], row["hits"] or [], strict=True) if hit}
    return [
        (given[here][key] / len(halves[here]), given[1 - here][key] / len(halves[1 - here]), key in hits)
        for here in (0, 1)
        for key in given[here]
    ]


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
