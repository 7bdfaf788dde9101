"""What stage `validate` looks at: a prepared split as a table with a column for every rule."""

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
_SHOWN = ("id", "question", "gold")
_OUTSIDE = ("gold_outside_vocabulary", "posterior_outside_vocabulary")


def make_table(
    split: str,
    splits: Mapping[str, Sequence[Example]],
    vocabulary: Sequence[str] | None,
    domain: Domain,
    params: DomainParams,
) -> pd.DataFrame:
    """One row per example of `split`: id, question, gold, and a column for every rule (see `make_suite`)."""
    import pandas as pd

    known = None if vocabulary is None else frozenset(vocabulary)
    elsewhere = Known.of(domain, {name: other for name, other in splits.items() if name != split})
    rules = _rules(params, elsewhere)
    rows = []
    for example in splits[split]:
        row: dict[str, Any] = {
            "id": example.id,
            "question": example.question,
            "gold": json.dumps(example.gold, ensure_ascii=False),
            "content": domain.content(example),
            "gold_answers": len(example.gold),
        }
        if known is not None:
            names = (answer for answer, _ in example.posterior)
            row["gold_outside_vocabulary"] = _unknown((a for answer in example.gold for a in answer), known)
            row["posterior_outside_vocabulary"] = _unknown(names, known)
        if example.posterior and (example.exclusive or not domain.marginals):
            row["posterior_total"] = math.fsum(probability for _, probability in example.posterior)
        rows.append(row | {name: holds(example) for name, holds in rules.items()})
    return pd.DataFrame(rows)


def make_suite(table: pd.DataFrame, size: int) -> list[Any]:
    """The expectations on the table of a split that should have `size` rows."""
    import great_expectations.expectations as gxe

    suite: list[Any] = [
        gxe.ExpectTableRowCountToEqual(value=size),
        gxe.ExpectColumnValuesToNotBeNull(column="id"),
        gxe.ExpectColumnValuesToBeUnique(column="id"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="question", min_value=1),
        gxe.ExpectColumnValuesToBeUnique(column="content"),
        gxe.ExpectColumnValuesToBeBetween(column="gold_answers", min_value=1),
    ]
    if size >= _FEW_ROWS:
        suite.append(gxe.ExpectColumnUniqueValueCountToBeBetween(column="gold", min_value=2))
    suite += [gxe.ExpectColumnValuesToBeNull(column=column) for column in _OUTSIDE if column in table.columns]
    if "posterior_total" in table.columns:
        low, high = 1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE
        suite.append(gxe.ExpectColumnValuesToBeBetween(column="posterior_total", min_value=low, max_value=high))
    said = {*_SHOWN, "content", "gold_answers", "posterior_total", *_OUTSIDE}
    suite.append(gxe.ExpectColumnValuesToBeInSet(column="question_in_other_split", value_set=[False]))
    truths = (column for column in table.columns if column not in said and column != "question_in_other_split")
    return [*suite, *(gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[True]) for column in truths)]


def _rules(params: DomainParams, elsewhere: Known) -> dict[str, Callable[[Example], bool]]:
    """Column → what must be true of every example; but `question_in_other_split` must be false."""
    domain = elsewhere.domain
    exclusive = domain.exclusive(params)
    return {
        "question_shows_text": lambda e: any(map(str.isalnum, e.question)),
        "question_in_other_split": lambda e: elsewhere.holder(e) is not None,
        "domain_is_the_params": lambda e: e.domain == domain.name,
        "match_is_the_domains": lambda e: e.match == domain.match,
        "exclusive_as_the_params_say": lambda e: e.exclusive == exclusive,
        "one_answer_if_exclusive": lambda e: not e.exclusive or len(e.gold) == 1,
        "gold_is_text": lambda e: bool(e.gold) and all(answer and all(map(str.strip, answer)) for answer in e.gold),
        "gold_has_no_answer_twice": lambda e: _are_distinct([a for answer in e.gold for a in dict.fromkeys(answer)]),
        "posterior_has_no_answer_twice": lambda e: _are_distinct([answer for answer, _ in e.posterior]),
        "posterior_in_range": lambda e: all(0 <= p <= 1 + _SUM_TOLERANCE for _, p in e.posterior),
        **{rule.name: rule.holds for rule in domain.expectations()},
    }


def _are_distinct(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _unknown(names: Any, known: frozenset[str]) -> str | None:
    return ", ".join(name for name in names if name not in known) or None
