"""Paired comparisons between set-ups, each computed once: who is best at what, and by how much for sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from setwise.evaluation.catalogue import metric
from setwise.evaluation.compare import Match, Row, compare_tallies, match_tallies
from setwise.evaluation.tally import Tally, tally
from setwise.methods import METHODS
from setwise.report.results import Results, Setup


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
