"""What n answers bring, for n = 1, 2, …: coverage, correct answers, unique answers and tokens spent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from setwise.metrics.diversity import first_occurrences
from setwise.metrics.sets import Floats, Generations

CURVES = ("coverage", "correct", "unique", "tokens")


def _decided_first(generations: Generations) -> Generations:
    """The same with the generations that have a verdict first, in order, and behind them nothing."""
    if generations.undecided is None or not generations.undecided.any():
        return generations
    decided = generations.decided
    order = np.argsort(~decided, axis=1, kind="stable")
    rows = np.arange(len(order))[:, None]
    return replace(
        generations,
        keys=np.where(decided[:, :, None], generations.keys, -1)[rows, order],
        hits=(generations.hits & decided[:, :, None])[rows, order],
        tokens=np.where(decided, generations.tokens, 0)[rows, order],
    )


def by_number_of_answers(generations: Generations, most: int) -> Floats:
    """Each of `CURVES` over the first n answers of a question, n = 1 … min(most, G·K).

    Answers come generation by generation as drawn, within one the surest first. The slots of an invalid completion
    hold nothing but count as answers asked for, and its tokens are spent. A generation is paid for whole with its
    first answer. One without a verdict is as if it had not been drawn: the next takes its place.

    Returns:
        [Q, 4, n] one of `CURVES` after another.
    """
    generations = _decided_first(generations)
    n_questions, per_question, k = generations.keys.shape
    n = min(most, per_question * k)
    keys = generations.keys.reshape(n_questions, -1)[:, :n]
    first = first_occurrences(keys)
    correct = np.cumsum(first & generations.hits.reshape(n_questions, -1)[:, :n], axis=1)
    begun = np.arange(n) // k
    unique = np.cumsum(first, axis=1)
    tokens = np.cumsum(generations.tokens, axis=1)[:, begun]
    return np.stack([correct > 0, correct, unique, tokens], axis=1).astype(np.float64)
