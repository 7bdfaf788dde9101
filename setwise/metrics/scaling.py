"""What n answers bring, for n = 1, 2, …: coverage, correct answers, unique answers and tokens spent."""

from __future__ import annotations

import numpy as np

from setwise.metrics.diversity import first_occurrences
from setwise.metrics.sets import Floats, Generations

CURVES = ("coverage", "correct", "unique", "tokens")


def by_number_of_answers(generations: Generations, most: int) -> Floats:
    """Each of `CURVES` over the first n answers of a question, n = 1 … min(most, G·K).

    Answers come generation by generation as drawn, within one the surest first. The slots of an invalid completion
    hold nothing but count as answers asked for, and its tokens are spent. A generation is paid for whole with its
    first answer.

    Returns:
        [Q, 4, n] one of `CURVES` after another.
    """
    n_questions, per_question, k = generations.keys.shape
    n = min(most, per_question * k)
    keys = generations.keys.reshape(n_questions, -1)[:, :n]
    first = first_occurrences(keys)
    correct = np.cumsum(first & generations.hits.reshape(n_questions, -1)[:, :n], axis=1)
    begun = np.arange(n) // k
    unique = np.cumsum(first, axis=1)
    tokens = np.cumsum(generations.tokens, axis=1)[:, begun]
    return np.stack([correct > 0, correct, unique, tokens], axis=1).astype(np.float64)
