"""What stage `validate` looks at: a prepared split as a table, and what is expected of its columns.

An expectation is one of Great Expectations' own on what the rows hold, so that its Data Docs show what was found. Only
what it has none for is a column of truths that is computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from setwise.domains import Example
from setwise.domains.base import Domain, DomainParams
from setwise.domains.known import Known

if TYPE_CHECKING:
    import pandas as pd

_SUM_TOLERANCE = 1e-6
_FEW_ROWS = 10
"""A split of fewer may well have one answer throughout."""
_OUTSIDE = ("gold_outside_vocabulary", "posterior_outside_vocabulary")


def make_table(
    split: str,
    splits: Mapping[str, Sequence[Example]],
    vocabulary: Sequence[str] | None,
    domain: Domain,
    params: DomainParams,
) -> pd.DataFrame:
    """One row per example of `split`: what `make_suite` speaks of."""
    import pandas as pd

    known = None if vocabulary is None else frozenset(vocabulary)
    elsewhere = Known.of(domain, {name: other for name, other in splits.items() if name != split})
    truths = _truths(domain)
    rows = []
    for example in splits[split]:
        row: dict[str, Any] = {
            "id": example.id,
            "question": example.question,
            "gold": json.dumps(example.gold, ensure_ascii=False),
            "letters_and_digits": sum(map(str.isalnum, example.question)),
            "content": domain.content(example),
            "known_in": elsewhere.holder(example),
            "domain": example.domain,
            "match": example.match,
            "exclusive": example.exclusive,
            "gold_answers": len(example.gold),
        }
        if known is not None:
            names = (answer for answer, _ in example.posterior)
            row["gold_outside_vocabulary"] = _unknown((a for answer in example.gold for a in answer), known)
            row["posterior_outside_vocabulary"] = _unknown(names, known)
        if example.posterior and (example.exclusive or not domain.marginals):
            row["posterior_total"] = math.fsum(probability for _, probability in example.posterior)
        rows.append(row | {name: holds(example) for name, holds in truths.items()})
    return pd.DataFrame(rows)


def make_suite(table: pd.DataFrame, size: int, domain: Domain, params: DomainParams) -> list[Any]:
    """The expectations on the table of a split that should have `size` rows."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    suite: list[Any] = [
        gxe.ExpectTableRowCountToEqual(value=size),
        gxe.ExpectColumnValuesToNotBeNull(column="id"),
        gxe.ExpectColumnValuesToBeUnique(column="id"),
        gxe.ExpectColumnValuesToBeBetween(column="letters_and_digits", min_value=1),
        gxe.ExpectColumnValuesToBeUnique(column="content"),
        gxe.ExpectColumnValuesToBeNull(column="known_in"),
        gxe.ExpectColumnValuesToBeInSet(column="domain", value_set=[domain.name]),
        gxe.ExpectColumnValuesToBeInSet(column="match", value_set=[domain.match]),
        gxe.ExpectColumnValuesToBeInSet(column="exclusive", value_set=[domain.exclusive(params)]),
        gxe.ExpectColumnValuesToBeBetween(
            column="gold_answers", min_value=1, max_value=1 if domain.exclusive(params) else None
        ),
    ]
    if size >= _FEW_ROWS:
        suite.append(gxe.ExpectColumnUniqueValueCountToBeBetween(column="gold", min_value=2))
    suite += [gxe.ExpectColumnValuesToBeNull(column=column) for column in _OUTSIDE if column in table.columns]
    if "posterior_total" in table.columns:
        low, high = 1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE
        suite.append(gxe.ExpectColumnValuesToBeBetween(column="posterior_total", min_value=low, max_value=high))
    lenient = {rule.name for rule in domain.expectations() if rule.severity == "warning"}
    severity = {
        name: FailureSeverity.WARNING if name in lenient else FailureSeverity.CRITICAL for name in _truths(domain)
    }
    return suite + [
        gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[True], severity=severity[name]) for name in severity
    ]


def _truths(domain: Domain) -> dict[str, Callable[[Example], bool]]:
    """Column → what must be true of every example, for which Great Expectations has no expectation."""
    return {
        "gold_is_text": lambda e: bool(e.gold) and all(answer and all(map(str.strip, answer)) for answer in e.gold),
        "gold_has_no_answer_twice": lambda e: _are_distinct([a for answer in e.gold for a in dict.fromkeys(answer)]),
        # what is no number is a missing value to Great Expectations, and passes any range
        "posterior_in_range": lambda e: all(0 <= p <= 1 + _SUM_TOLERANCE for _, p in e.posterior),
        "posterior_has_no_answer_twice": lambda e: _are_distinct([answer for answer, _ in e.posterior]),
        **{rule.name: rule.holds for rule in domain.expectations()},
    }


def _are_distinct(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _unknown(names: Any, known: frozenset[str]) -> str | None:
    return ", ".join(name for name in names if name not in known) or None
