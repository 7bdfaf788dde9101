"""Random judged generations for tests of metrics, as the arrays that metrics read."""

from __future__ import annotations

import numpy as np

from setwise.metrics import Generations, Questions
from setwise.metrics.attainable import best_hits, best_set_briers
from setwise.metrics.sets import ranked

N_NAMES = 6


def make_generations(rng, n_questions=6, per_question=3, k=2, confidences=True, valid=0.8):
    """Answers to exclusive questions over six names; name 0 is the gold one. `valid` is the share of valid ones."""
    shape = (n_questions, per_question)
    names = np.stack([[rng.permutation(N_NAMES)[:k] for _ in range(per_question)] for _ in range(n_questions)])
    ok = rng.random(shape) < valid
    truth = np.sort(rng.dirichlet(np.ones(N_NAMES), size=n_questions), axis=1)[:, ::-1]
    stated = np.round(rng.random((*shape, k)), 1) * ok[:, :, None]
    return ranked(
        Generations(
            keys=np.where(ok[:, :, None], names, -1),
            hits=(names == 0) & ok[:, :, None],
            confidences=stated if confidences else None,
            posterior=truth[np.arange(n_questions)[:, None, None], names] * ok[:, :, None],
            valid=ok,
            tokens=rng.integers(5, 9, size=shape),
        )
    ), truth


def make_questions(truth, answers, exclusive=True):
    """Questions with one gold answer and the posterior `truth`, [Q, names]."""
    n = len(truth)
    return Questions(
        gold=np.ones(n, dtype=np.int64),
        exclusive=np.full(n, exclusive),
        known=np.ones(n, dtype=bool),
        best_coverage=np.array([best_hits(row, answers) for row in truth]),
        best_hits=np.array([best_hits(row, answers) for row in truth]),
        best_brier=np.stack([best_set_briers(row, answers) for row in truth]),
    )
