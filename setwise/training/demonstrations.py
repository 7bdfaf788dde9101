"""Demonstrations for the supervised warm start, from templates or distilled from a single-answer policy (DESIGN §2)."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence
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
    """Gold first, then distractors from the vocabulary, confidences drawn at random: teaches the layout alone.

    None where gold and vocabulary together hold fewer than `layout.k` different answers.
    """
    answers = [aliases[0] for aliases in example.gold][: layout.k]
    answers += _distractors(answers, layout.k - len(answers), vocabulary, rng)
    if len(answers) < layout.k:
        return None
    confidences = tuple(rng.randint(1, 99) / 100 for _ in answers) if layout.confidences else None
    return Demonstration(example.question, layout, AnswerSet(tuple(answers), confidences))


def distilled_demonstration(
    example: Example, layout: Layout, samples: Sequence[str], vocabulary: Sequence[str], rng: random.Random
) -> Demonstration | None:
    """The K most frequent distinct samples, most frequent first, their frequencies as confidences.

    A single-answer layout gets one of the samples, drawn as the policy draws them. Where there are fewer than K
    distinct samples, distractors that were never sampled fill the set with confidence 0.

    Args:
        samples: N answers of a single-answer policy to the question (valid completions only).
    """
    counts = Counter(samples)
    if not counts:
        return None
    ranked = sorted(counts, key=lambda answer: (-counts[answer], answer))
    answers = [rng.choice(list(samples))] if layout.k == 1 else ranked[: layout.k]
    answers += _distractors(ranked, layout.k - len(answers), vocabulary, rng)
    if len(answers) < layout.k:
        return None
    confidences = tuple(round(counts[a] / len(samples), 2) for a in answers) if layout.confidences else None
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
