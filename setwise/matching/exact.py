"""Exact names: equal but for letter case, spacing, what does not show and the way Unicode composes a letter."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from setwise.matching.characters import drop_unseen
from setwise.matching.gold import Gold, Matched
from setwise.matching.lookup import match_by_lookup


@lru_cache(maxsize=2**16)
def normalise_name(name: str) -> str:
    """The normal form of a name: NFC, folded case, single spaces, no character that does not show."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFC", drop_unseen(name)).casefold())
    return " ".join(composed.split())


def match_exact(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
    """Match names that must be given exactly (a closed vocabulary)."""
    return match_by_lookup(sets, golds, normalise_name)
