"""Sets against repeated sampling at a matched number of answers, and at a matched number of tokens."""

from __future__ import annotations

from setwise.evaluation.compare import Match, Row, equal_tokens
from setwise.metrics.scaling import CURVES
from setwise.report.comparisons import Comparisons
from setwise.report.numbers import number, with_interval
from setwise.report.results import Setup

_PAIRS = (("rlvr_single", "rlvr_multi"), ("rlcr_single", "rlcr_multi"))
_COMPARED = ("coverage", "correct", "unique")
HEADER = ("sets against samples", "matched by", "answers", "tokens", "covered", "correct", "unique")


def matched_rows(comparisons: Comparisons) -> list[tuple[str, ...]]:
    """Rows of `HEADER` for each pair of methods that were trained: by how much the sets are ahead, with intervals."""
    results = comparisons.results
    rows = []
    for single, multi in _PAIRS:
        if single in results.methods and multi in results.methods:
            a, b = results.many(single), results.many(multi)
            rows += [_row(comparisons, basis, match, a, b) for basis, match in _matches(comparisons, a, b)]
    return rows


def _matches(comparisons: Comparisons, a: Setup, b: Setup) -> list[tuple[str, Match]]:
    answers = comparisons.shared_answers(comparisons.results.params.evaluate.answers, a, b)
    found = [("answers", Match(answers, answers))]
    match = equal_tokens(comparisons.tally(a), comparisons.tally(b))
    if min(match.a_answers, match.b_answers) > 0:
        found.append(("tokens", match))
    return found


def _row(comparisons: Comparisons, basis: str, match: Match, a: Setup, b: Setup) -> tuple[str, ...]:
    found = comparisons.matched(match, a, b)
    tokens = found["tokens"]
    differences = [_difference(found[name]) for name in CURVES if name in _COMPARED]
    return (
        f"{b.label} against {a.label}",
        basis,
        f"{match.b_answers} / {match.a_answers}",
        f"{number(tokens.b, 0)} / {number(tokens.a, 0)}",
        *differences,
    )


def _difference(row: Row) -> str:
    return with_interval({"value": row.difference, "lo": row.lo, "hi": row.hi}, sign=True)
