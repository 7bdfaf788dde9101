"""Mathematical answers, matched by what they are worth: 0.5 is 1/2, x² + 1 is 1 + x².

Gold and answers are prepared alike (`expressions`). Plain numbers and equal spellings are decided here; the rest goes
to `math-verify` in the pool, each pair of expressions once however many completions hold it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import TypeVar

from setwise.matching.expressions import Expression, prepare
from setwise.matching.gold import Gold, Matched
from setwise.matching.lookup import gold_key
from setwise.matching.math_pool import MathPool, Verdict, math_pool

Pair = tuple[str, str]
Number = TypeVar("Number", Fraction, complex)

TOLERANCE = 1e-5
"""Numbers further apart than this, relative to the larger, are different without asking: `math-verify` rounds to six
decimals, and would take all small ones for the same."""


class VerdictMemo:
    """Remembers the verdicts of the last pairs, and asks a pool for the others."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._verdicts: OrderedDict[Pair, Verdict] = OrderedDict()

    def check(self, pairs: Iterable[Pair], pool: MathPool) -> dict[Pair, Verdict]:
        """The verdict of each pair. A check whose worker died or that the machine had no time for is not remembered."""
        found: dict[Pair, Verdict] = {}
        with self._lock:
            for pair in dict.fromkeys(pairs):
                if pair in self._verdicts:
                    self._verdicts.move_to_end(pair)
                    found[pair] = self._verdicts[pair]
                else:
                    found[pair] = Verdict.CRASHED
            unknown = [pair for pair in found if pair not in self._verdicts]
        fresh = dict(zip(unknown, pool.check(unknown), strict=True))
        with self._lock:
            self._verdicts.update({pair: v for pair, v in fresh.items() if v.lasts})
            while len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)
        return found | fresh


_MEMO = VerdictMemo(size=2**17)


def match_math(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """Match mathematical answers, all pairs of the batch side by side."""
    answers = [[prepare(answer) for answer in row] for row in sets]
    aliases = [[[prepare(alias) for alias in gold] for gold in row.answers] for row in golds]
    distinct = {gold.answers: row for gold, row in zip(golds, aliases, strict=True)}
    asked = {
        _gold_pair(alias, answer)
        for row, gold in zip(answers, aliases, strict=True)
        for answer in row
        for alias in _undecided(answer, gold)
    }
    asked |= {_pair(a, b) for gold in distinct.values() for a, b in _across(gold) if compare(a, b) is None}
    verdicts = _MEMO.check(sorted(asked), math_pool())
    owners = {key: _owners(gold, verdicts) for key, gold in distinct.items()}
    found = [
        [_find(answer, row, owners[gold.answers], verdicts) for answer in stated]
        for stated, row, gold in zip(answers, aliases, golds, strict=True)
    ]
    wrong = [
        [a for a, index in zip(row, hit, strict=True) if index is None] for row, hit in zip(answers, found, strict=True)
    ]
    between = {_pair(a, b) for row in wrong for a, b in combinations(row, 2) if compare(a, b) is None}
    verdicts |= _MEMO.check(sorted(between), math_pool())
    return [_matched(row, alias, hit, verdicts) for row, alias, hit in zip(answers, aliases, found, strict=True)]


def compare(one: Expression, other: Expression) -> bool | None:
    """Whether two expressions are equal, where that can be said without algebra; else None."""
    if one.is_words or other.is_words:
        return one.is_words and other.is_words and one.latex == other.latex
    one, other = _readings(one, other)
    if one.unit and other.unit and one.unit != other.unit:
        return False
    if one.latex == other.latex:
        return True
    if one.value is not None and other.value is not None:
        if one.value == other.value:
            return True
        if (one.is_exact and other.is_exact) or _are_apart(one.value, other.value):
            return False
    if one.sample is not None and other.sample is not None and _are_apart(one.sample, other.sample):
        return False
    return None


def _are_apart(one: Number, other: Number) -> bool:
    return abs(one - other) > TOLERANCE * max(abs(one), abs(other))


def _readings(one: Expression, other: Expression) -> tuple[Expression, Expression]:
    """Both as they are to be read beside each other: 5 m is a length beside 5 meters, and five times m beside 5m."""
    if one.measured is not None and other.unit:
        return one.measured, other
    return (one, other.measured) if other.measured is not None and one.unit else (one, other)


def _undecided(answer: Expression, gold: list[list[Expression]]) -> list[Expression]:
    """The aliases that algebra must compare; none if one of them is seen to be equal."""
    asked = []
    for alias in (alias for aliases in gold for alias in aliases):
        equal = compare(alias, answer)
        if equal:
            return []
        if equal is None:
            asked.append(alias)
    return asked


def _pair(one: Expression, other: Expression) -> Pair:
    """Two answers as a pair to check, the same whichever was stated first (the algebra is not symmetric)."""
    first, second = _gold_pair(one, other)
    return (first, second) if first < second else (second, first)


def _gold_pair(alias: Expression, answer: Expression) -> Pair:
    alias, answer = _readings(alias, answer)
    return alias.latex, answer.latex


def _verdict(one: Expression, other: Expression, pair: Pair, verdicts: dict[Pair, Verdict]) -> Verdict:
    """What is known of two expressions; a pair that nobody had to ask about is different."""
    equal = compare(one, other)
    if equal is None:
        return verdicts.get(pair, Verdict.DIFFERENT)
    return Verdict.EQUAL if equal else Verdict.DIFFERENT


def _is_equal(one: Expression, other: Expression, pair: Pair, verdicts: dict[Pair, Verdict]) -> bool:
    return _verdict(one, other, pair, verdicts) is Verdict.EQUAL


def _undecided_faults(found: Iterable[Verdict]) -> list[str]:
    return [str(verdict) for verdict in found if not verdict.decided]


def _across(gold: list[list[Expression]]) -> Iterator[tuple[Expression, Expression]]:
    """Each alias of a gold answer beside each alias of another."""
    for one, other in combinations(gold, 2):
        yield from product(one, other)


def _owners(gold: list[list[Expression]], verdicts: dict[Pair, Verdict]) -> list[int]:
    """For each gold answer the first one that is the same answer, by aliases that are equal (itself if none is)."""
    owners = list(range(len(gold)))
    for i, j in combinations(range(len(gold)), 2):
        one, other = sorted((owners[i], owners[j]))
        if one != other and any(_is_equal(a, b, _pair(a, b), verdicts) for a, b in product(gold[i], gold[j])):
            owners = [one if owner == other else owner for owner in owners]
    return owners


def _find(
    answer: Expression, gold: list[list[Expression]], owners: list[int], verdicts: dict[Pair, Verdict]
) -> int | None:
    """The first gold answer with an alias that is equal, or the one that it is the same as."""
    for index, aliases in enumerate(gold):
        if any(_is_equal(alias, answer, _gold_pair(alias, answer), verdicts) for alias in aliases):
            return owners[index]
    return None


def _matched(
    row: list[Expression],
    gold: list[list[Expression]],
    hit: list[int | None],
    verdicts: dict[Pair, Verdict],
) -> Matched:
    """The keys of one set, and the faults that leave it open: is an answer right, are two answers the same?"""
    held = [gold[index] for index in sorted({index for index in hit if index is not None})]
    faults = _undecided_faults(_verdict(a, b, _pair(a, b), verdicts) for a, b in _across(held))
    keys: list[str] = []
    wrong: list[Expression] = []
    for answer, index in zip(row, hit, strict=True):
        if index is not None:
            keys.append(gold_key(index))
            continue
        beside = [_verdict(other, answer, _pair(other, answer), verdicts) for other in wrong]
        same = wrong[beside.index(Verdict.EQUAL)] if Verdict.EQUAL in beside else answer
        keys.append(f"{'text' if same.is_words else 'math'}:{same.latex} {same.unit}".rstrip())
        wrong.append(answer)
        asked = [_verdict(alias, answer, _gold_pair(alias, answer), verdicts) for alias in _undecided(answer, gold)]
        faults += _undecided_faults(asked if same is not answer else beside + asked)
    return Matched(tuple(keys), tuple([int(index is not None) for index in hit]), tuple(faults))
