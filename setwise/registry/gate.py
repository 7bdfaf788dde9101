"""The gate between challenger and champion: a pure decision on paired differences over the same questions.

A challenger passes if the chosen metric is better with its 95% interval beyond 0, and no guarded metric is worse than
its tolerance. Without a champion there is nothing to hold it against, and it passes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from setwise.evaluation.compare import Row
from setwise.metrics.catalogue import metric as entry_of
from setwise.registry_params import RegistryParams

Verdict = Literal["passed", "refused"]
Role = Literal["improvement", "guard"]


@dataclass(frozen=True)
class Check:
    """One metric that the gate looked at.

    Attributes:
        metric: its name.
        role: `improvement` for the chosen metric, `guard` for one that must not get worse.
        champion, challenger: its values; None where undefined.
        difference: challenger - champion, with its 95% interval `lo`, `hi`; None where there is none.
        limit: how much worse it may be, in the metric's unit; None for the chosen metric.
        passed: whether the challenger may pass.
        why: in words.
    """

    metric: str
    role: Role
    champion: float | None
    challenger: float | None
    difference: float | None
    lo: float | None
    hi: float | None
    limit: float | None
    passed: bool
    why: str


@dataclass(frozen=True)
class Decision:
    """What the gate decided, with the numbers it decided by.

    Attributes:
        verdict: `passed` or `refused`.
        reason: one line.
        challenger, champion: versions of the registered model; `champion` is None where there was none.
        questions: digest of the questions that both were asked; their number is `n_questions`.
        checks: every metric looked at; none without a champion.
    """

    verdict: Verdict
    reason: str
    challenger: str
    champion: str | None
    questions: str
    n_questions: int
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the challenger may become champion."""
        return self.verdict == "passed"

    def to_json(self) -> str:
        """The decision as a JSON object."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """The decision that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "checks": tuple(Check(**check) for check in fields["checks"])})


@dataclass(frozen=True)
class Sides:
    """Who stands at the gate: versions of the registered model, and the questions that both were asked."""

    challenger: str
    champion: str | None
    questions: str
    n_questions: int


def decide(sides: Sides, rows: Sequence[Row], params: RegistryParams, barred: str | None = None) -> Decision:
    """Whether the challenger may replace the champion.

    Args:
        sides: the two versions; without a champion the challenger passes.
        rows: `setwise.evaluation.compare(champion, challenger, …)`: paired differences, b the challenger.
        params: the chosen metric and the guards.
        barred: why the challenger may not become champion whatever its figures, as after a roll-back.
    """
    named = asdict(sides)
    if barred is not None:
        return Decision("refused", barred, **named)
    if sides.champion is None:
        return Decision("passed", "no champion yet", **named)
    found = {row.metric: row for row in rows}
    checks = (_improvement(params.metric, found), *_guards(params.guards, found))
    failed = [check for check in checks if not check.passed]
    reason = "; ".join(f"{check.metric}: {check.why}" for check in failed or checks[:1])
    return Decision("refused" if failed else "passed", reason, **named, checks=checks)


def _improvement(name: str, found: Mapping[str, Row]) -> Check:
    row = found.get(name)
    if row is None:
        return Check(name, "improvement", None, None, None, None, None, None, False, "not defined for both models")
    numbers = (row.a, row.b, row.difference, row.lo, row.hi)
    if row.difference is None or row.lo is None or row.hi is None:
        return Check(name, "improvement", *numbers, None, False, "undefined, or without an interval")
    interval = f"{row.difference:+.4f} [{row.lo:+.4f}, {row.hi:+.4f}]"
    why = f"{row.verdict} by {interval}" if row.verdict != "undecided" else f"no clear difference: {interval}"
    return Check(name, "improvement", *numbers, None, row.verdict == "better", why)


def _guards(guards: Mapping[str, float | str], found: Mapping[str, Row]) -> list[Check]:
    return [_guard(name, tolerance, found.get(name)) for name, tolerance in guards.items()]


def _guard(name: str, tolerance: float | str, row: Row | None) -> Check:
    """A figure that the champion has and the challenger has not counts as worse; one that the champion lacks can't."""
    if row is None or row.a is None:
        value = None if row is None else row.b
        return Check(name, "guard", None, value, None, None, None, None, True, "the champion has no such figure")
    limit = abs(row.a) * float(tolerance[:-1]) / 100 if isinstance(tolerance, str) else float(tolerance)
    if row.b is None or row.difference is None:
        return Check(name, "guard", row.a, None, None, None, None, limit, False, "the challenger has no such figure")
    worse_by = row.difference if entry_of(name).better == "lower" else -row.difference
    passed = worse_by <= limit
    kind = "worse" if worse_by > 0 else "better"
    why = f"{kind} by {abs(worse_by):.4f}, at most {limit:.4f} worse allowed" if worse_by else "the same"
    return Check(name, "guard", row.a, row.b, row.difference, row.lo, row.hi, limit, passed, why)
