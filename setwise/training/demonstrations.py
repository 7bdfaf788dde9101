"""Demonstrations for the supervised warm start, from templates or distilled from a single-answer policy (DESIGN §2)."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from setwise.answers import AnswerSet, Layout, render
from setwise.domains import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LONGEST_TRIED = 200
"""Answers, longest text first, among which the one with most tokens is looked for."""


@dataclass(frozen=True)
class Demonstration:
    """One completion to imitate: the question, the layout it is asked in, and the set to answer with."""

    question: str
    layout: Layout
    answer_set: AnswerSet


def template_demonstration(
    example: Example, layout: Layout, vocabulary: Sequence[str], rng: random.Random
) -> Demonstration | None:
    """Gold first, in random order, then distractors from the vocabulary, confidences drawn at random.

    None where gold and vocabulary together hold fewer than `layout.k` different answers.
    """
    answers = [aliases[0] for aliases in rng.sample(example.gold, len(example.gold))][: layout.k]
    answers += _distractors(answers, layout.k - len(answers), vocabulary, rng)
    if len(answers) < layout.k:
        return None
    confidences = tuple(rng.randint(1, 99) / 100 for _ in answers) if layout.confidences else None
    return Demonstration(example.question, layout, AnswerSet(tuple(answers), confidences))


@dataclass(frozen=True)
class Places:
    """How single answers show questions with several right answers, so that what is learnt are marginal probabilities.

    A question has as many places as any question has right answers. Each right answer takes one, the others hold
    `nothing`, and a demonstration shows a place at random: an answer a is shown with probability P(a right) / count.
    Showing one of the right answers at random instead teaches E[1 / number of right answers; a right], which says too
    little wherever several are right, and nothing tells how much too little.

    Attributes:
        count: places of a question; 1 where no question has several right answers.
        nothing: the answer of an empty place, which is no answer of the domain.
    """

    count: int
    nothing: str

    @classmethod
    def of(cls, examples: Sequence[Example], vocabulary: Iterable[str]) -> Places:
        """The places that these questions need."""
        known = {alias.casefold() for example in examples for aliases in example.gold for alias in aliases}
        known |= {answer.casefold() for answer in vocabulary}
        names = itertools.chain(["none"], (f"none {number}" for number in itertools.count(2)))
        count = max((len(example.gold) for example in examples), default=1)
        return cls(max(1, count), next(name for name in names if name not in known))

    def demonstrate(self, example: Example, layout: Layout, rng: random.Random) -> Demonstration:
        """A single answer (`layout`): what stands in a random place of the question."""
        place = rng.randrange(self.count)
        answer = example.gold[place][0] if place < len(example.gold) else self.nothing
        return Demonstration(example.question, layout, AnswerSet((answer,)))

    def marginals(self, shares: Mapping[str, float]) -> dict[str, float]:
        """The probability that each answer is right, from the probability that a place holds it.

        They sum to the mean number of right answers. An estimate from few samples can exceed 1, and is 1 then.
        """
        if self.count == 1:
            return dict(shares)
        return {answer: min(1.0, self.count * p) for answer, p in shares.items() if answer != self.nothing}


def distilled_demonstration(
    example: Example, layout: Layout, beliefs: Mapping[str, float], vocabulary: Sequence[str], rng: random.Random
) -> Demonstration | None:
    """The K most probable answers, most probable first, their probabilities as confidences.

    A single-answer layout gets an answer drawn with its probability instead, as the policy itself would draw it. Where
    fewer than K answers are believed in, distractors with confidence 0 fill the set.

    Args:
        beliefs: the probability that each answer is right, as a single-answer policy knows it (`Places.marginals`).
    """
    ranked = sorted(beliefs, key=lambda answer: (-beliefs[answer], answer))
    if layout.k == 1 and ranked:
        answers = rng.choices(ranked, [beliefs[answer] for answer in ranked])
    else:
        answers = ranked[: layout.k]
    answers += _distractors(ranked, layout.k - len(answers), vocabulary, rng)
    if not ranked or len(answers) < layout.k:
        return None
    confidences = tuple(round(beliefs.get(answer, 0.0), 2) for answer in answers) if layout.confidences else None
    return Demonstration(example.question, layout, AnswerSet(tuple(answers), confidences))


def longest_completion(
    examples: Sequence[Example], layout: Layout, tokenizer: PreTrainedTokenizerBase, others: Sequence[str] = ()
) -> int:
    """Tokens, the end token included, of the longest completion without reasoning that gold or `others` can fill.

    A policy that learnt from demonstrations alone gains nothing by going on beyond it. No limit (`sys.maxsize`) where
    gold holds no answers, as for programs.
    """
    answers = sorted({aliases[0] for example in examples for aliases in example.gold}, key=len)[-_LONGEST_TRIED:]
    if not answers:
        return sys.maxsize
    confidences = (0.5,) * layout.k if layout.confidences else None
    texts = [render(AnswerSet((answer,) * layout.k, confidences), layout) for answer in (*answers, *others)]
    return 1 + max(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))


def _distractors(taken: Sequence[str], count: int, vocabulary: Sequence[str], rng: random.Random) -> list[str]:
    """Up to `count` different answers of the vocabulary that are not taken."""
    if count <= 0:
        return []
    free = [answer for answer in vocabulary if answer not in set(taken)]
    return rng.sample(free, min(count, len(free)))
