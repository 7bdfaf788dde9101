"""Matching by a normal form: an answer is the gold answer that has an alias with the same normal form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from setwise.matching.gold import Gold, Matched

Normalise = Callable[[str], str]


def match_by_lookup(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold], normalise: Normalise) -> list[Matched]:
    """Match each answer by its normal form."""
    found = []
    indexed: Gold | None = None
    index: dict[str, str] = {}
    for answers, gold in zip(sets, golds, strict=True):
        if gold is not indexed:
            indexed, index = gold, gold_index(gold.answers, normalise)
        names = list(map(normalise, answers))
        keys = tuple([index.get(name) or "text:" + name for name in names])
        found.append(Matched(keys, tuple([1 if name in index else 0 for name in names])))
    return found


@lru_cache(maxsize=8192)
def gold_index(gold: tuple[tuple[str, ...], ...], normalise: Normalise) -> dict[str, str]:
    """Normal form of every alias → its key.

    Gold answers that share a normal form are one answer (with the key of the first of them): else a set could
    earn twice for one answer that the data lists twice. An alias of which nothing is left matches nothing.
    """
    owner: dict[str, int] = {}
    for i, aliases in enumerate(gold):
        names = [name for alias in aliases if (name := normalise(alias))]
        same = {owner[name] for name in names if name in owner}
        first = min(same, default=i)
        if len(same) > 1:
            owner = {name: first if other in same else other for name, other in owner.items()}
        for name in names:
            owner[name] = first
    return {name: gold_key(i) for name, i in owner.items()}


@lru_cache(maxsize=1024)
def gold_key(index: int) -> str:
    """The key of an answer that is the gold answer `index`."""
    return f"gold:{index}"
