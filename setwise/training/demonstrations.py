"""Demonstrations for the supervised warm start, from templates or distilled from a single-answer policy (DESIGN §2)."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
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


def distilled_demonstration(
    example: Example, layout: Layout, beliefs: Mapping[str, float], vocabulary: Sequence[str], rng: random.Random
) -> Demonstration | None:
    """The K most probable answers, most probable first, their probabilities as confidences.

    A single-answer layout gets an answer drawn with its probability instead, as the policy itself would draw it. Where
    fewer than K answers are believed in, distractors with confidence 0 fill the set.

    Args:
        beliefs: the probability that a single-answer policy gives each answer: its score, or its share of samples.
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


def longest_completion(examples: Sequence[Example], layout: Layout, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens, the end token included, of the longest completion without reasoning that gold answers can fill.

    A policy that learnt from demonstrations alone gains nothing by going on beyond it. No limit (`sys.maxsize`) where
    gold holds no answers, as for programs.
    """
    answers = sorted({aliases[0] for example in examples for aliases in example.gold}, key=len)[-_LONGEST_TRIED:]
    if not answers:
        return sys.maxsize
    confidences = (0.5,) * layout.k if layout.confidences else None
    texts = [render(AnswerSet((answer,) * layout.k, confidences), layout) for answer in answers]
    return 1 + max(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))


def _distractors(taken: Sequence[str], count: int, vocabulary: Sequence[str], rng: random.Random) -> list[str]:
    """Up to `count` different answers of the vocabulary that are not taken."""
    if count <= 0:
        return []
    free = [answer for answer in vocabulary if answer not in set(taken)]
    return rng.sample(free, min(count, len(free)))
