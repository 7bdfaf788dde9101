"""Answers that several people gave to one question → its distinct answers, each with its aliases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from setwise.matching.text import normalise_text

Aliases = tuple[str, ...]


class _Reading(NamedTuple):
    """One answer, of one person or joined of several.

    Attributes:
        first: its place among all answers given, or that of the first joined into it.
        aliases: its spellings.
        names: these in normal form.
        given: who gave what is joined in it: (person, names).
    """

    first: int
    aliases: Aliases
    names: frozenset[str]
    given: tuple[tuple[int, frozenset[str]], ...]


def join_readings(
    people: Sequence[Sequence[Aliases]], form: Callable[[str], str] = normalise_text
) -> tuple[Aliases, ...]:
    """Join answers that share an alias in normal form, but none that one person tells apart.

    Two answers that a person lists with no alias in common are two, whoever else names them in one breath: what would
    link them is left out. So no two answers that are returned share an alias.

    Args:
        people: each one's answers, each with its aliases.
        form: the normal form in which aliases are compared.

    Returns:
        The distinct answers in the order in which they were first given, each with the aliases of all who gave it.

    >>> join_readings([[("June 2017",), ("May 2018",)], [("june 2017", "2017")], [("June 2017", "May 2018")]])
    (('June 2017', 'june 2017', '2017'), ('May 2018',))
    """
    given = [(person, aliases, frozenset(map(form, aliases))) for person, all_ in enumerate(people) for aliases in all_]
    readings = [_Reading(i, aliases, names, ((person, names),)) for i, (person, aliases, names) in enumerate(given)]
    joined: list[_Reading] = []
    # Who lists the most answers tells the most apart; what links answers is judged by what is there without it.
    for reading in sorted(readings, key=lambda one: (_links(one, readings), -len(people[one.given[0][0]]))):
        joined = _take_in(joined, reading, form)
    return tuple(reading.aliases for reading in sorted(joined, key=lambda one: one.first))


def are_distinct(gold: Sequence[Aliases], form: Callable[[str], str] = normalise_text) -> bool:
    """Whether no two answers share an alias in normal form."""
    names = [name for aliases in gold for name in set(map(form, aliases))]
    return len(set(names)) == len(names)


def _are_apart(one: _Reading, other: _Reading) -> bool:
    """Whether somebody gave both as answers without a common alias."""
    return any(who == by and not names & more for who, names in one.given for by, more in other.given)


def _links(reading: _Reading, readings: Sequence[_Reading]) -> bool:
    """Whether it names two answers at once that somebody tells apart."""
    met = [other for other in readings if other is not reading and other.names & reading.names]
    return any(_are_apart(one, other) for one, other in combinations(met, 2))


def _take_in(joined: list[_Reading], new: _Reading, form: Callable[[str], str]) -> list[_Reading]:
    """Join `new` to the answers it shares an alias with and is not told apart from; else it is an answer of its own."""
    met = [one for one in joined if one.names & new.names]
    same = [one for one in met if not _are_apart(one, new)]
    if any(_are_apart(one, other) for one, other in combinations(same, 2)):
        return joined  # it may mean either, and so may all its aliases
    taken = {name for one in met if one not in same for name in one.names}
    aliases = tuple(alias for alias in new.aliases if form(alias) not in taken)
    if not aliases:
        return joined
    parts = [*same, new._replace(aliases=aliases, names=new.names - taken)]
    whole = _Reading(
        min(part.first for part in parts),
        tuple(dict.fromkeys(alias for part in parts for alias in part.aliases)),
        frozenset().union(*(part.names for part in parts)),
        tuple(one for part in parts for one in part.given),
    )
    return [*(one for one in joined if one not in same), whole]
