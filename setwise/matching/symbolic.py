"""Mathematical answers, matched by what they are worth: 0.5 is 1/2, x² + 1 is 1 + x².

Gold and answers are read alike (`expressions`) and compared as what they are (`equality`); what that leaves to the
algebra is asked of the pool, each pair of expressions once however many completions hold it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from setwise.matching.equality import Comparison, Pair, compare
from setwise.matching.expressions import Expression, prepare
from setwise.matching.gold import Gold, Matched
from setwise.matching.lookup import gold_key
from setwise.matching.math_pool import MathPool, Verdict, math_pool
from setwise.matching.values import Number

__all__ = ["VerdictMemo", "compare", "is_read", "match_math"]

_Aliases = list[list[Expression]]


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


def is_read(answer: str) -> bool:
    """Whether a mathematical answer can be read, here or by the algebra; else only the same signs are the same answer.

    A text in words is read as words.
    """
    expression = prepare(answer)
    # two texts that can't be read leave the algebra undecided, and one of the two here is none that can
    foreign = [(latex, r"\unreadable") for latex in _foreign(expression.value)]
    return expression.is_read and Verdict.UNDECIDED not in _MEMO.check(foreign, math_pool()).values()


def _foreign(value: object) -> Iterator[str]:
    """The parts of a value that are left to the algebra to read."""
    if isinstance(value, Number) and value.tree is None:
        yield value.latex
    elif isinstance(value, tuple) and not isinstance(value, Number):
        for part in value:
            yield from _foreign(part)


class _Judge:
    """The verdicts on pairs of answers of one batch, each found once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Expression, Expression], Verdict] = {}
        self._open: dict[tuple[Expression, Expression], None] = {}
        self._missing: set[Pair] = set()

    def verdict(self, one: Expression, other: Expression) -> Verdict:
        """What is known of two answers; what the algebra has yet to say is asked for by `settle`."""
        pair = (one, other) if one.latex <= other.latex else (other, one)
        known = self._known.get(pair)
        if known is None:
            known = self._known[pair] = self._decide(pair, {})
        return known

    def settle(self) -> None:
        """Ask the pool about all that is open, and decide it."""
        verdicts = _MEMO.check(sorted(self._missing), math_pool())
        waiting, self._open, self._missing = self._open, {}, set()
        for pair in waiting:
            self._known[pair] = self._decide(pair, verdicts)

    def _decide(self, pair: tuple[Expression, Expression], verdicts: Mapping[Pair, Verdict]) -> Verdict:
        comparison = Comparison(verdicts)
        found = comparison.equal(*pair)
        if comparison.missing and not found.decided:
            self._open[pair] = None
            self._missing |= comparison.missing
        return found


def match_math(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """Match mathematical answers, all pairs of the batch side by side."""
    judge = _Judge()
    answers = [[prepare(answer) for answer in row] for row in sets]
    distinct = {gold.answers: [[prepare(alias) for alias in aliases] for aliases in gold.answers] for gold in golds}
    aliases = [distinct[gold.answers] for gold in golds]
    for row, gold in zip(answers, aliases, strict=True):
        for answer in row:
            _beside(answer, gold, judge)
    for gold in distinct.values():
        for one, other in _across(gold):
            judge.verdict(one, other)
    judge.settle()
    owners = {key: _owners(gold, judge) for key, gold in distinct.items()}
    found = [
        [_find(answer, row, owners[gold.answers], judge) for answer in stated]
        for stated, row, gold in zip(answers, aliases, golds, strict=True)
    ]
    for row, hit in zip(answers, found, strict=True):
        wrong = [answer for answer, index in zip(row, hit, strict=True) if index is None]
        for one, other in combinations(wrong, 2):
            judge.verdict(one, other)
    judge.settle()
    return [_matched(row, alias, hit, judge) for row, alias, hit in zip(answers, aliases, found, strict=True)]


def _beside(answer: Expression, gold: _Aliases, judge: _Judge) -> list[Verdict]:
    """The verdicts on an answer beside each alias, up to the first that is equal."""
    found = []
    for alias in (alias for aliases in gold for alias in aliases):
        found.append(judge.verdict(alias, answer))
        if found[-1] is Verdict.EQUAL:
            break
    return found


def _undecided_faults(found: Iterable[Verdict]) -> list[str]:
    return [str(verdict) for verdict in found if not verdict.decided]


def _across(gold: _Aliases) -> Iterator[tuple[Expression, Expression]]:
    """Each alias of a gold answer beside each alias of another."""
    for one, other in combinations(gold, 2):
        yield from product(one, other)


def _owners(gold: _Aliases, judge: _Judge) -> list[int]:
    """For each gold answer the first one that is the same answer, by aliases that are equal (itself if none is)."""
    owners = list(range(len(gold)))
    for i, j in combinations(range(len(gold)), 2):
        one, other = sorted((owners[i], owners[j]))
        if one != other and any(judge.verdict(a, b) is Verdict.EQUAL for a, b in product(gold[i], gold[j])):
            owners = [one if owner == other else owner for owner in owners]
    return owners


def _find(answer: Expression, gold: _Aliases, owners: list[int], judge: _Judge) -> int | None:
    """The first gold answer with an alias that is equal, or the one that it is the same as."""
    for index, aliases in enumerate(gold):
        if any(judge.verdict(alias, answer) is Verdict.EQUAL for alias in aliases):
            return owners[index]
    return None


def _matched(row: list[Expression], gold: _Aliases, hit: list[int | None], judge: _Judge) -> Matched:
    """The keys of one set, and the faults that leave it open: is an answer right, are two answers the same?"""
    held = [gold[index] for index in sorted({index for index in hit if index is not None})]
    faults = _undecided_faults(judge.verdict(a, b) for a, b in _across(held))
    keys: list[str] = []
    wrong: list[Expression] = []
    wrong_keys: list[str] = []
    for answer, index in zip(row, hit, strict=True):
        if index is not None:
            keys.append(gold_key(index))
            continue
        beside = [judge.verdict(other, answer) for other in wrong]
        if is_repeated := Verdict.EQUAL in beside:
            key = wrong_keys[beside.index(Verdict.EQUAL)]
        else:
            key = answer.key
            while key in keys:  # another answer, whose canonical text is the same (x = 5 and y = 5)
                key += "'"
        keys.append(key)
        wrong_keys.append(key)
        wrong.append(answer)
        asked = _beside(answer, gold, judge)
        faults += _undecided_faults(asked if is_repeated else beside + asked)
    return Matched(tuple(keys), tuple([int(index is not None) for index in hit]), tuple(faults))
