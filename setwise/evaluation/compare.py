"""Two evaluations of the same questions, side by side: paired differences with intervals and a verdict.

Both share the resamples of the questions, so what makes a question hard for both cancels out of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from setwise.domains import Example
from setwise.evaluation.report import Figures, figures
from setwise.evaluation.tally import Tally, tally
from setwise.metrics.bootstrap import N_RESAMPLES, intervals
from setwise.metrics.catalogue import Better, metric
from setwise.metrics.scaling import CURVES
from setwise.metrics.sets import Bools, Floats

Verdict = Literal["better", "worse", "undecided"]
_CURVES_BETTER: dict[str, Better] = dict(zip(CURVES, ("higher", "higher", "higher", "lower"), strict=True))


@dataclass(frozen=True)
class Row:
    """One metric of two evaluations.

    Attributes:
        metric: its name.
        a, b: its value in each; None where undefined.
        difference: b - a, with its 95% interval `lo`, `hi`; None where either is undefined, or there is no interval.
        verdict: whether b is better or worse than a; undecided where the interval holds 0 or is missing.
        n: questions compared.
    """

    metric: str
    a: float | None
    b: float | None
    difference: float | None
    lo: float | None
    hi: float | None
    verdict: Verdict
    n: int

    def to_json(self) -> dict[str, object]:
        """The row as a JSON object."""
        return asdict(self)


class Match(NamedTuple):
    """How many answers of each evaluation are compared: the curves of `a` at `a_answers`, those of `b` at …"""

    a_answers: int
    b_answers: int


def compare(
    path_a: Path, path_b: Path, examples: Sequence[Example], n_resamples: int = N_RESAMPLES, seed: int = 0
) -> list[Row]:
    """Every metric that both evaluations have and that is better one way, `b` against `a`.

    Sets of another size or protocol can be compared; `…_at_k` metrics are then of the same k, the others of the sets
    as they are. To compare what the same number of answers or tokens brings, use `match_tallies`.

    Raises:
        InputError: a file is missing, damaged, or not judged by exactly these examples.
    """
    return compare_tallies(tally(path_a, examples), tally(path_b, examples), n_resamples, seed)


def compare_tallies(tally_a: Tally, tally_b: Tally, n_resamples: int = N_RESAMPLES, seed: int = 0) -> list[Row]:
    """As `compare`, of evaluations whose sums are at hand; they must be of the same questions in the same order."""
    a, b = figures(tally_a), figures(tally_b)
    own = [*a.tally.metrics, *(name for name in a.names if "/" not in name and name not in a.tally.metrics)]
    names = [name for name in own if name in b.names and metric(name).better is not None]
    pairs = [(name, name, name, metric(name).better) for name in names]
    return _rows(a, b, pairs, a.biased()[[a.names.index(name) for name in names]], n_resamples, seed)


def equal_tokens(tally_a: Tally, tally_b: Tally) -> Match:
    """The most whole generations of each that cost, on average, no more tokens than all the answers of the cheaper one.

    0 answers where one generation of the dearer evaluation already costs more than the whole cheaper one.
    """
    spent = [_spent(sums) for sums in (tally_a, tally_b)]
    budget = min(tokens[-1] for tokens in spent)
    return Match(*(int((tokens <= budget + 1e-9).sum()) for tokens in spent))


def _spent(sums: Tally) -> Floats:
    """[n] mean tokens spent on the first 1 … n answers of a question of which any completion has a verdict."""
    found: Floats = sums.judged_curves[:, CURVES.index("tokens")].mean(axis=0)
    return found


def match_tallies(
    tally_a: Tally, tally_b: Tally, match: Match, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> list[Row]:
    """Coverage, correct and unique answers and tokens over the first answers of each, `b` against `a`.

    `match` must be within the curves of both.
    """
    a, b = figures(tally_a), figures(tally_b)
    pairs = [
        (curve, f"curve/{curve}/{match.a_answers}", f"curve/{curve}/{match.b_answers}", better)
        for curve, better in _CURVES_BETTER.items()
    ]
    return _rows(a, b, pairs, np.zeros(len(pairs), dtype=bool), n_resamples, seed)


def _rows(
    a: Figures,
    b: Figures,
    pairs: Sequence[tuple[str, str, str, Better]],
    biased: Bools,
    n_resamples: int,
    seed: int,
) -> list[Row]:
    """Rows of (name, figure of a, figure of b, which way is better)."""
    differences = _differences(a, b, [(of_a, of_b) for _, of_a, of_b, _ in pairs])
    found = intervals((*a.columns, *b.columns), differences, n_resamples, seed, biased)
    values_a, values_b = a.values(), b.values()
    rows = []
    for (name, of_a, of_b, better), lo, hi in zip(pairs, found.lo.tolist(), found.hi.tolist(), strict=True):
        value_a, value_b = values_a[of_a], values_b[of_b]
        difference = None if value_a is None or value_b is None else value_b - value_a
        known = difference is not None and bool(np.isfinite(lo))
        low, high = (lo, hi) if known else (None, None)
        verdict = _verdict(lo, hi, better) if known else "undecided"
        rows.append(Row(name, value_a, value_b, difference, low, high, verdict, a.tally.n_questions))
    return rows


def _differences(a: Figures, b: Figures, pairs: Sequence[tuple[str, str]]) -> Callable[[Sequence[Floats]], Floats]:
    at_a = [a.names.index(of_a) for of_a, _ in pairs]
    at_b = [b.names.index(of_b) for _, of_b in pairs]
    width = len(a.columns)

    def differences(sums: Sequence[Floats]) -> Floats:
        return b.read(sums[width:])[:, at_b] - a.read(sums[:width])[:, at_a]

    return differences


def _verdict(lo: float, hi: float, better: Better) -> Verdict:
    if lo <= 0.0 <= hi:
        return "undecided"
    return "better" if (lo > 0.0) == (better == "higher") else "worse"
