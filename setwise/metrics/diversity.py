"""How many different answers there are among n answers to a question: unique answers, duplicate rate, effective size.

Each function takes `keys`, [Q, n]: the codes of the answers of each question, equal only for the same answer, -1 for
each answer that an invalid completion did not give, and `LEFT_OUT` for those of a completion without a verdict. Over
all answers one that was not given counts as a repeat; what is left out does not count at all.
"""

from __future__ import annotations

import numpy as np

from setwise.metrics.sets import Bools, Ints, Ratio

LEFT_OUT = -2


def first_occurrences(keys: Ints) -> Bools:
    """[Q, n] where an answer stands that no earlier answer of the row equals; never at a -1."""
    order = np.argsort(keys, axis=1, kind="stable")
    ranked = np.take_along_axis(keys, order, 1)
    new = np.ones(keys.shape, dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    first = np.zeros(keys.shape, dtype=bool)
    np.put_along_axis(first, order, new, 1)
    occurrences: Bools = first & (keys >= 0)
    return occurrences


def unique_answers(keys: Ints, *, valid_only: bool = False) -> Ratio:
    """The number of distinct answers among the n; valid only: over the questions with a valid completion."""
    weight = _counts(keys, valid_only)
    return Ratio(first_occurrences(keys).sum(axis=1) * weight, weight)


def duplicate_rate(keys: Ints, *, valid_only: bool = False) -> Ratio:
    """The share of answers that repeat another one, `1 - distinct / answers`, pooled over the questions."""
    given = (keys >= 0).sum(axis=1).astype(float)
    asked = given if valid_only else (keys != LEFT_OUT).sum(axis=1).astype(float)
    return Ratio(asked - first_occurrences(keys).sum(axis=1), asked)


def effective_set_size(keys: Ints, *, valid_only: bool = False) -> Ratio:
    """The exponential of the Shannon entropy of the answers' frequencies (Hill 1973, order 1): 1 … distinct answers.

    Over all answers, those an invalid completion did not give count as repeats of the most frequent one; a question
    with no valid completion has size 0.
    """
    weight = _counts(keys, valid_only)
    sizes = np.zeros(len(keys))
    for row, codes in enumerate(keys):
        counts = np.unique(codes[codes >= 0], return_counts=True)[1].astype(float)
        if len(counts) == 0:
            continue
        if not valid_only:
            counts[counts.argmax()] += (codes == -1).sum()
        shares = counts / counts.sum()
        sizes[row] = np.exp(-(shares * np.log(shares)).sum())
    return Ratio(sizes * weight, weight)


def _counts(keys: Ints, valid_only: bool) -> np.ndarray:
    counted: np.ndarray = keys >= 0 if valid_only else keys != LEFT_OUT
    return counted.any(axis=1).astype(float)
