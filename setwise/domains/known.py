"""Which questions are known already: the one rule of `prepare`, of `validate` and of the champion's fresh questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from setwise.domains.base import Domain, Example


@dataclass
class Known:
    """The questions that splits hold, by what makes two of them the same in their domain.

    A question is known where a split holds its content (`Domain.content`), or where another split than its own shares
    one of its leak keys (`Domain.leak_keys`).
    """

    domain: Domain
    contents: dict[str, str] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, domain: Domain, splits: Mapping[str, Iterable[Example]]) -> Known:
        """What these splits hold."""
        known = cls(domain)
        for split, examples in splits.items():
            for example in examples:
                known.add(example, split)
        return known

    def add(self, example: Example, split: str) -> None:
        """Let `split` hold the example."""
        self.contents.setdefault(self.domain.content(example), split)
        for key in self.domain.leak_keys(example):
            self.keys.setdefault(key, set()).add(split)

    def holder(self, example: Example, split: str | None = None) -> str | None:
        """The split that holds this question already; None where it is new.

        Args:
            example: the question.
            split: where it is to stand; None for nowhere, as a question that nobody may have seen.
        """
        if (there := self.contents.get(self.domain.content(example))) is not None:
            return there
        sharing = (self.keys.get(key, set()) - {split} for key in self.domain.leak_keys(example))
        return next((min(splits) for splits in sharing if splits), None)
