"""Matching by a normal form: an answer is the gold answer that has an alias with the same normal form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from setwise.matching.gold import Gold, Match

Normalise = Callable[[str], str]


def match_by_lookup(
    sets: Sequence[tuple[str, ...]], golds: Sequence[Gold], normalise: Normalise
) -> list[tuple[Match, ...]]:
    """Match each answer by its normal form."""
    found = []
    for answers, gold in zip(sets, golds, strict=True):
        index = gold_index(gold.answers, normalise)
        found.append(tuple([_match(normalise(answer), index) for answer in answers]))
    return found


def _match(name: str, index: dict[str, Match]) -> Match:
    return index.get(name) or Match("text:" + name, False)


@lru_cache(maxsize=8192)
def gold_index(gold: tuple[tuple[str, ...], ...], normalise: Normalise) -> dict[str, Match]:
    """Normal form of every alias → its match.

    Gold answers that share a normal form are one answer (they have the key of the first of them): else a set could
    earn twice for one answer that the data lists twice.
    """
    owner: dict[str, int] = {}
    for i, aliases in enumerate(gold):
        names = {normalise(alias) for alias in aliases}
        same = {owner[name] for name in names if name in owner}
        first = min(same, default=i)
        if len(same) > 1:
            owner = {name: first if other in same else other for name, other in owner.items()}
        owner.update(dict.fromkeys(names, first))
    return {name: Match(f"gold:{i}", True) for name, i in owner.items()}
