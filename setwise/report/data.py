"""The data section: what was validated in each split, and with which result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One expectation: what is expected, of which column, and how many rows do not meet it."""

    text: str
    column: str
    met: bool
    unexpected: int


@dataclass(frozen=True)
class Split:
    """One split: its rows, its digest and its checks."""

    name: str
    rows: int
    digest: str
    checks: tuple[Check, ...]

    @property
    def met(self) -> int:
        """How many expectations are met."""
        return sum(check.met for check in self.checks)


def splits(validation: Mapping[str, Any]) -> list[Split]:
    """The splits of `reports/validation.json`, by name."""
    return [_split(name, found) for name, found in sorted(validation["splits"].items())]


def _split(name: str, found: Mapping[str, Any]) -> Split:
    checks = tuple(
        Check(
            e["expectation"].removeprefix("expect_").replace("_", " "),
            e["column"] or "whole table",
            e["success"],
            e["unexpected"],
        )
        for e in found["expectations"]
    )
    return Split(name, found["rows"], found["digest"], checks)
