"""What every metric reads: judged answer sets as arrays, one row per set, the answers of a row ranked.

`generation_sets` makes one set of each generation (K answers in one text); `union_sets` makes one set of all the
single-answer generations of a question (repeated sampling).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_STATED_DIGITS = 12
"""A mean of equal confidences is that confidence again, so that ties and edges of bins are where they belong."""


def sum_by(group: Ints, values: NDArray[Any], n: int) -> Floats:
    """[n] the sum of `values` in each of the groups 0 … n-1."""
    return np.bincount(group, weights=values, minlength=n).astype(np.float64)


class Ratio(NamedTuple):
    """A metric before it is divided: sums over any rows of both parts, then numerator / denominator."""

    numerator: Floats
    denominator: Floats

    def value(self) -> float | None:
        """The ratio of the sums; None where it is undefined (the denominator sums to 0)."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total > 0 else None

    def by_question(self, question: Ints, n_questions: int) -> Ratio:
        """The same with one row per question: rows of the same question are summed."""
        return Ratio(
            sum_by(question, self.numerator, n_questions),
            sum_by(question, self.denominator, n_questions),
        )


@dataclass(frozen=True)
class Generations:
    """Judged completions of Q questions with G generations of K answers each, in the order they were drawn.

    The answers of a generation are ranked: the surest first, else in the order stated (see `ranked`).

    Attributes:
        keys: [Q, G, K] codes of the answer keys, equal only for the same answer to the same question; -1 where the
            completion is invalid.
        hits: [Q, G, K] whether the answer is a hit; False where invalid.
        confidences: [Q, G, K] stated confidences, 0 where invalid; None where the layout states none.
        posterior: [Q, G, K] the true probability of the answer; None where no question has a posterior.
        valid: [Q, G] whether the completion is a valid answer set.
        tokens: [Q, G] tokens of the completion.
        undecided: [Q, G] whether there is no verdict on the completion, which is left out of every metric that rests
            on one: as if it had not been drawn; None where all are decided.
    """

    keys: Ints
    hits: Bools
    confidences: Floats | None
    posterior: Floats | None
    valid: Bools
    tokens: Ints
    undecided: Bools | None = None

    @property
    def decided(self) -> Bools:
        """[Q, G] the completions with a verdict."""
        return np.ones(self.valid.shape, dtype=bool) if self.undecided is None else ~self.undecided


@dataclass(frozen=True)
class Questions:
    """What is known of Q questions.

    Attributes:
        gold: [Q] size of the gold set.
        exclusive: [Q] whether at most one answer is true.
        known: [Q] whether a posterior is known.
        best_coverage: [Q] attainable coverage at the number of answers asked for; 0 where it is not known.
        best_hits: [Q] the expected hits of the most probable answers, as many as asked for; 0 where not known.
        best_brier: [Q, W+1] in column j the expected set Brier of the j most probable answers, stated as they are.
    """

    gold: Ints
    exclusive: Bools
    known: Bools
    best_coverage: Floats
    best_hits: Floats
    best_brier: Floats


@dataclass(frozen=True)
class JudgedSets:
    """N judged sets of at most W answers. A row's answers come first, the surest first (else in the order stated).

    Attributes:
        question: [N] which row of `questions` the set answers.
        hits: [N, W] whether the answer is a hit; False past `size`.
        confidences: [N, W] each answer's own confidence, 0 past `size`; None where there are none.
        posterior: [N, W] the true probability of each answer, 0 past `size`; None where it is not known.
        size: [N] answers in the set; 0 where nothing valid was generated.
        invalid: [N] answers asked for and not given because the completion was invalid.
        tokens: [N] tokens spent on the set.
        valid_tokens: [N] tokens of the valid completions among them.
        questions: what is known of the questions.
    """

    question: Ints
    hits: Bools
    confidences: Floats | None
    posterior: Floats | None
    size: Ints
    invalid: Ints
    tokens: Ints
    valid_tokens: Ints
    questions: Questions

    @property
    def valid(self) -> Bools:
        """[N] whether there is a set to judge: at least one valid completion went into it."""
        return self.size > 0

    @property
    def filled(self) -> Bools:
        """[N, W] where a row holds an answer."""
        filled: Bools = np.arange(self.hits.shape[1]) < self.size[:, None]
        return filled

    def mean(self, values: NDArray[Any], valid_only: bool) -> Ratio:
        """The mean of one value per set, over all sets or over the valid ones."""
        weight = self.valid.astype(float) if valid_only else np.ones(len(self.size))
        return Ratio(values.astype(float) * weight, weight)


def ranked(generations: Generations) -> Generations:
    """The same with the answers of each generation ordered by stated confidence; equal ones stay in order."""
    if generations.confidences is None:
        return generations
    order = np.argsort(-generations.confidences, axis=2, kind="stable")
    truth = generations.posterior
    return replace(
        generations,
        keys=np.take_along_axis(generations.keys, order, 2),
        hits=np.take_along_axis(generations.hits, order, 2),
        confidences=np.take_along_axis(generations.confidences, order, 2),
        posterior=None if truth is None else np.take_along_axis(truth, order, 2),
    )


def generation_sets(generations: Generations, questions: Questions) -> JudgedSets:
    """One set per generation that is decided: N = Q·G where all are, W = K."""
    n_questions, per_question, _ = generations.keys.shape
    k, decided = generations.keys.shape[2], generations.decided
    valid = generations.valid[decided]
    tokens = generations.tokens[decided]
    return JudgedSets(
        question=np.repeat(np.arange(n_questions), per_question)[decided.reshape(-1)],
        hits=generations.hits[decided],
        confidences=None if generations.confidences is None else generations.confidences[decided],
        posterior=None if generations.posterior is None else generations.posterior[decided],
        size=np.where(valid, k, 0),
        invalid=np.where(valid, 0, k),
        tokens=tokens,
        valid_tokens=np.where(valid, tokens, 0),
        questions=questions,
    )


def union_sets(generations: Generations, questions: Questions) -> JudgedSets:
    """One set per question, the union of its G single-answer generations that are decided: N = Q, W = G.

    A question of which none is decided has no set.

    The confidence of an answer is the mean, to 12 decimals, of what the generations that gave it stated; where nothing
    is stated, the share of the valid generations that gave it.

    Raises:
        ValueError: a generation holds several answers.
    """
    n_questions, per_question, k = generations.keys.shape
    if k != 1:
        raise ValueError(f"a union is made of single answers, not of sets of {k}")
    decided = generations.decided
    hits = np.zeros((n_questions, per_question), dtype=bool)
    confidences = np.zeros((n_questions, per_question))
    truth = None if generations.posterior is None else np.zeros((n_questions, per_question))
    size = np.zeros(n_questions, dtype=np.int64)
    for q in range(n_questions):
        ok = generations.valid[q] & decided[q]
        if not ok.any():
            continue
        _, first, inverse, counts = np.unique(
            generations.keys[q, ok, 0], return_index=True, return_inverse=True, return_counts=True
        )
        if generations.confidences is None:
            stated = counts / ok.sum()
        else:
            stated = np.bincount(inverse, weights=generations.confidences[q, ok, 0]) / counts
        stated = np.round(stated, _STATED_DIGITS)
        order = np.lexsort((first, -stated))
        size[q] = len(order)
        hits[q, : size[q]] = generations.hits[q, ok, 0][first[order]]
        confidences[q, : size[q]] = stated[order]
        if truth is not None and generations.posterior is not None:
            truth[q, : size[q]] = generations.posterior[q, ok, 0][first[order]]
    some = decided.any(axis=1)
    return JudgedSets(
        question=np.flatnonzero(some),
        hits=hits[some],
        confidences=confidences[some],
        posterior=None if truth is None else truth[some],
        size=size[some],
        invalid=(~generations.valid & decided).sum(axis=1)[some],
        tokens=np.where(decided, generations.tokens, 0).sum(axis=1)[some],
        valid_tokens=np.where(generations.valid & decided, generations.tokens, 0).sum(axis=1)[some],
        questions=questions,
    )
