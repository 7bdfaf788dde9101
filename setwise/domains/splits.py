"""Rows → the splits of a domain: held out by seed, no question twice, and whatever is left out counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from setwise.domains.base import Domain, DomainParams, Example, Prepared
from setwise.domains.known import Known
from setwise.errors import InputError
from setwise.sources import Location, Rows, read_rows


class SplitParams(DomainParams):
    """Where rows come from and how many of them are used.

    Attributes:
        train: the rows to train on.
        test: the rows to test on; null holds `test_size` rows of `train` out, chosen by the seed.
        extra_train: further rows to train on (null: none); those whose question is in test are left out.
        extra_for: whether `extra_train` joins the split `train` or makes a split `warmstart` of its own.
        train_size, test_size: at most so many rows of each, chosen by the seed (null: all; `extra_train` is not cut).
    """

    train: Location
    test: Location | None = None
    extra_train: Location | None = None
    extra_for: Literal["train", "warmstart"] = "train"
    train_size: int | None = Field(default=None, ge=1)
    test_size: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class Dropped:
    """A row that makes no example, with the reason it is counted under."""

    reason: str


MakeExample = Callable[[Rows, int, str], Example | Dropped]
"""(rows, index, split) → the example of that row, or why it makes none in that split."""


@dataclass
class _Builder:
    """Examples taken so far, and whose questions they are."""

    known: Known
    make: MakeExample
    seed: int
    splits: dict[str, tuple[Example, ...]] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    def shuffled(self, rows: Rows) -> list[int]:
        """The row indices in an order that the seed decides, whatever file format they came in."""
        indices = list(range(len(rows)))
        random.Random(self.seed).shuffle(indices)
        return indices

    def take(self, split: str, rows: Rows, indices: Sequence[int], size: int | None) -> Sequence[int]:
        """Add up to `size` examples to `split`, trying `indices` in turn; returns the indices not tried.

        The split keeps the order of the rows, whatever the order they were tried in.
        """
        taken: dict[int, Example] = {}
        tried = 0
        while tried < len(indices) and (size is None or len(taken) < size):
            index = indices[tried]
            tried += 1
            example = self.make(rows, index, split)
            if isinstance(example, Dropped):
                self.dropped[f"{split}: {example.reason}"] += 1
                continue
            if (there := self.known.holder(example, split)) is not None:
                self.dropped[f"{split}: question already in {there}"] += 1
                continue
            self.known.add(example, split)
            taken[index] = example
        self.splits[split] = self.splits.get(split, ()) + tuple(taken[index] for index in sorted(taken))
        return indices[tried:]


def load_splits(
    domain: Domain,
    params: SplitParams,
    seed: int,
    make: MakeExample,
    columns: Sequence[str],
    remedy: str,
) -> Prepared:
    """Read the rows that `params` names and make the splits `train`, `test` and, if asked for, `warmstart`.

    Test comes first: a question that stands in test is left out of every other split.

    Args:
        domain: says which examples are the same question, and which no two splits may share.
        make: a row's example, or why it makes none.
        columns: what every row must have; `remedy` says where rows that have it come from.

    Raises:
        InputError: a source cannot be had, a row cannot be read, or a split would be empty.
    """
    builder = _Builder(Known(domain), make, seed)
    train = _read(params.train, "domain.train", columns, remedy)
    indices: Sequence[int] = builder.shuffled(train)
    if params.test is not None:
        test = _read(params.test, "domain.test", columns, remedy)
        rest = builder.take("test", test, builder.shuffled(test), params.test_size)
        _count_rest(builder, "test", "test_size", rest)
    elif params.test_size is None:
        raise InputError("domain.test_size: unset while domain.test is null; say how many rows of train to hold out")
    else:
        indices = builder.take("test", train, indices, params.test_size)
    rest = builder.take("train", train, indices, params.train_size)
    _count_rest(builder, "train", "train_size", rest)
    if params.extra_train is not None:
        extra = _read(params.extra_train, "domain.extra_train", columns, remedy)
        builder.take(params.extra_for, extra, range(len(extra)), None)
    for split, examples in builder.splits.items():
        if not examples:
            raise InputError(
                f"{split}: no row is left for it ({_tally(builder.dropped)}); check domain.* in the params"
            )
    return Prepared(builder.splits, None, dict(sorted(builder.dropped.items())))


def _read(location: Location, key: str, columns: Sequence[str], remedy: str) -> Rows:
    rows = read_rows(location, key)
    rows.require(columns, remedy)
    return rows


def _count_rest(builder: _Builder, split: str, key: str, rest: Sequence[int]) -> None:
    if rest:
        builder.dropped[f"{split}: over {key}"] += len(rest)


def _tally(dropped: Counter[str]) -> str:
    return "; ".join(f"{reason}: {count}" for reason, count in sorted(dropped.items())) or "nothing was dropped"
