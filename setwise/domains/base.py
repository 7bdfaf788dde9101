"""The contract of a domain: its params, how to load, how to phrase and how to match. And the prepared example."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from setwise.errors import InputError
from setwise.matching import Gold
from setwise.section import Section


@dataclass(frozen=True)
class Example:
    """One row of a prepared dataset (DESIGN §3). `posterior` holds (answer, probability), most likely first."""

    domain: str
    question: str
    gold: tuple[tuple[str, ...], ...]
    match: str
    exclusive: bool
    source: Mapping[str, Any]
    tests: tuple[str, ...] = ()
    setup: str = ""
    posterior: tuple[tuple[str, float], ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further columns a domain reports by, such as how many paragraphs were removed."""

    @property
    def id(self) -> str:
        """A stable hash of the content: the same question with the same gold has the same id anywhere."""
        content = json.dumps([self.domain, self.question, self.gold, self.tests, self.setup], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_gold(self) -> Gold:
        """What the judge needs of this example."""
        return Gold(self.gold, self.match, self.exclusive, self.tests, self.setup)


@dataclass(frozen=True)
class Prepared:
    """What a domain loads: the splits, the closed answer vocabulary (None where answers are open), what was dropped."""

    splits: Mapping[str, Sequence[Example]]
    vocabulary: tuple[str, ...] | None
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Expectation:
    """What every example of a domain must meet beyond the rules of all domains; part of its validation suite.

    Attributes:
        name: what is expected, in snake case.
        column: the column of a prepared split that it speaks of.
        holds: whether an example meets it.
        severity: `critical` stops the chain; what is a `warning` is counted and said, and the chain goes on.
    """

    name: str
    column: str
    holds: Callable[[Example], bool]
    severity: Literal["critical", "warning"] = "critical"


def question_content(question: str) -> str:
    """What makes two questions the same: the text without regard to case and spacing."""
    return " ".join(question.split()).casefold()


class DomainParams(Section):
    """Base of a domain's params."""

    name: str


class Domain(Protocol):
    """One domain: a class derived from this one, of which a module in this package exposes an instance as `DOMAIN`."""

    name: ClassVar[str]
    instruction: ClassVar[str]
    """One sentence that says what is asked; it stands in the prompt of models that read instructions."""
    match: ClassVar[str]
    """The matcher that judges its answers (`setwise.matching.MATCHERS`); also what makes two answers the same."""
    marginals: ClassVar[bool] = False
    """Whether `posterior` holds each answer's own probability where several may be true; else it sums to 1."""
    Params: ClassVar[type[DomainParams]]

    def exclusive(self, params: Any) -> bool:
        """Whether these params say that at most one answer is true."""
        ...

    def load(self, params: Any, seed: int) -> Prepared:
        """Load the splits `train` and `test` (disjoint by content), the same for the same params and seed.

        Raises:
            InputError: a file, column, code or row cannot be used; the message names it and the remedy.
        """
        ...

    def expectations(self) -> Sequence[Expectation]:
        """What `validate` checks of every example beyond the rules of all domains."""
        ...

    def content(self, example: Example) -> str:
        """What makes two examples of a split the same question."""
        return question_content(example.question)

    def leak_keys(self, example: Example) -> Sequence[str]:
        """What no two splits may have in common: any one key makes an example known to another split."""
        return (self.content(example),)


_NOT_DOMAINS = {"base", "known", "parquet", "splits"}


def list_domains() -> list[str]:
    """The names of all domains, sorted."""
    package = importlib.import_module("setwise.domains")
    names = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
    return sorted(name for name in names if name not in _NOT_DOMAINS and not name.startswith("_"))


def get_domain(name: str) -> Domain:
    """The domain called `name`; `InputError` lists the known ones."""
    if name not in list_domains():
        raise InputError(f"unknown domain {name!r}: use one of {', '.join(list_domains())}")
    domain: Domain = importlib.import_module(f"setwise.domains.{name}").DOMAIN
    return domain
