"""What a set costs in generated tokens: per question, per distinct answer, per correct answer.

Over all completions, the tokens of invalid ones are spent for nothing; valid only, they are left out.
"""

from __future__ import annotations

from setwise.metrics.sets import Floats, JudgedSets, Ratio


def tokens_per_question(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """Tokens spent to answer a question once, with one set."""
    return sets.mean(sets.valid_tokens if valid_only else sets.tokens, valid_only)


def tokens_per_distinct(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """Tokens per distinct answer: all tokens over all distinct answers. Undefined where nothing valid was generated."""
    return Ratio(_spent(sets, valid_only), sets.size.astype(float))


def tokens_per_correct(sets: JudgedSets, *, valid_only: bool = False) -> Ratio:
    """Tokens per correct answer: all tokens over all hits. Undefined where nothing is right."""
    return Ratio(_spent(sets, valid_only), sets.hits.sum(axis=1).astype(float))


def _spent(sets: JudgedSets, valid_only: bool) -> Floats:
    return (sets.valid_tokens if valid_only else sets.tokens).astype(float)
