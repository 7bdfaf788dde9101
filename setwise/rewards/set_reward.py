"""A set reward as a callable of TRL's protocol: importable, picklable, the same for every trainer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, get_args

from pydantic import ValidationError

from setwise.answers import Layout, Reason, read
from setwise.errors import InputError
from setwise.matching import CHUNK, MATCHERS, Gold, Judgement, judge_once
from setwise.methods import Method, get_method
from setwise.rewards.batch_log import LogExtra, LogMetric, collect, log_batch
from setwise.rewards.columns import completion_texts, read_golds
from setwise.rewards.formula import CREDITS, Breakdown, Credit, SumRule, Weights, brier_terms, sums_above_one


@dataclass(frozen=True)
class SetReward:
    """Scores completions by one method's formula; made by `make_reward`.

    Attributes:
        method: which of the four methods.
        k: answers in one completion (1 for a single-answer method).
        credit: how hits are paid: `count` (each), `any` (the first), `fraction` (1/K each).
        weights: of the format, correctness and Brier parts.
        sum_rule: what an exclusive question whose confidences sum to more than 1 loses: its `format` part, everything
            (`invalid`), or nothing (`off`).
        tolerance: how far above 1 the sum may be.
        match: the matcher of rows without a `match` column.
        analysis: whether the optional `<analysis>` block is read.
        name: what trainers show it as, and the prefix of what it logs.
    """

    method: Method
    k: int
    credit: Credit
    weights: Weights
    sum_rule: SumRule
    tolerance: float
    match: str
    analysis: bool
    name: str

    @property
    def __name__(self) -> str:
        """The name TRL shows the reward as."""
        return self.name

    @property
    def layout(self) -> Layout:
        """The layout a completion must have."""
        return Layout(k=self.k, confidences=self.method.confidences, analysis=self.analysis)

    def __call__(
        self,
        prompts: Sequence[Any] | None = None,
        completions: Sequence[Any] = (),
        completion_ids: Sequence[Any] | None = None,
        log_metric: LogMetric | None = None,
        log_extra: LogExtra | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """The reward of each completion, in order (TRL's protocol).

        None where a check that the reward depends on came to no verdict: TRL gives such a completion no advantage and
        leaves it out of its group's mean, unless another reward function has a number for it.

        Args:
            prompts: not used; gold comes with each row.
            completions: strings, or conversations whose last assistant message is the completion.
            completion_ids: not used.
            log_metric: takes the batch's means: parts, validity, and the rate of each reason.
            log_extra: takes one value per completion for the completions table: parts, hits and reason.
            columns: `gold`, and optional `match`, `exclusive`, `tests`, `setup`, one value per completion; others are
                not read.

        Raises:
            InputError: gold that can't be used; the message names the column and the row.
        """
        golds = read_golds(columns, len(completions), self.match) if len(completions) else []
        judged = self._judge(completion_texts(completions), golds)
        scores = collect((judgement, self.score(judgement, gold.exclusive)) for _, judgement, gold in judged)
        log_batch(self.name, scores, log_metric, log_extra)
        return [total if decided else None for total, decided in zip(scores.total, scores.decided, strict=True)]

    def breakdown(self, completions: Sequence[Any], golds: Sequence[Gold]) -> list[Breakdown]:
        """The reward of each completion split by what caused it, with the places of its answers and confidences."""
        return [
            self.score(judgement, gold.exclusive)._replace(blocks=read(text, self.layout).blocks)
            for text, judgement, gold in self._judge(completion_texts(completions), golds)
        ]

    def _judge(self, texts: list[object], golds: Sequence[Gold]) -> Iterator[tuple[object, Judgement, Gold]]:
        """Each completion with its judgement and gold, judged a chunk at a time, so that memory stays flat."""
        if len(texts) != len(golds):
            raise InputError(f"{len(texts)} completions and {len(golds)} golds; give one gold per completion")
        for start in range(0, len(texts), CHUNK):
            chunk = slice(start, start + CHUNK)
            judgements = judge_once(texts[chunk], golds[chunk], self.layout)
            yield from zip(texts[chunk], judgements, golds[chunk], strict=True)

    def score(self, judgement: Judgement, exclusive: bool = False) -> Breakdown:
        """The reward of one judged completion (formula in `setwise.rewards.formula`)."""
        _, _, hits, stated, _, reason, faults, blocks = judgement
        weights, valid = self.weights, reason is None
        confidences = stated if self.method.confidences else None
        if reason is None and exclusive and confidences is not None and sums_above_one(confidences, self.tolerance):
            reason = Reason.SUM_ABOVE_ONE
        if not valid or (reason is not None and self.sum_rule == "invalid"):
            brier = (-weights.brier / self.k,) * self.k if self.method.confidences else ()
            worst = -weights.brier if self.method.confidences else 0.0
            return Breakdown(worst, 0.0, (0.0,) * self.k, brier, reason, blocks, False)
        if faults:  # no verdict
            unknown = (math.nan,) * self.k
            brier = unknown if self.method.confidences else ()
            return Breakdown(math.nan, math.nan, unknown, brier, reason, blocks, True)
        earned = weights.format if reason is None or self.sum_rule == "off" else 0.0
        correctness = CREDITS[self.credit](hits, weights.correctness)
        brier = () if confidences is None else brier_terms(confidences, hits, weights.brier)
        total = earned + sum(correctness) + sum(brier)
        return Breakdown(total, earned, correctness, brier, reason, blocks, True)


def make_reward(
    method: str | Method,
    k: int = 3,
    credit: Credit = "count",
    weights: Weights | Mapping[str, float] | None = None,
    sum_rule: SumRule = "off",
    tolerance: float = 0.02,
    match: str = "text",
    analysis: bool = False,
    name: str | None = None,
) -> SetReward:
    """Make a set reward.

    Args:
        method: `rlvr_single`, `rlcr_single`, `rlvr_multi` or `rlcr_multi`.
        k: answers in one completion; a single-answer method has 1 whatever is said here.
        credit: `count` pays every hit (the paper), `any` the first one, `fraction` 1/K for each.
        weights: of `format`, `correctness` and `brier`; 1 each where not given.
        sum_rule: on exclusive questions, what confidences that sum to more than 1 + `tolerance` cost: nothing (`off`),
            the `format` part, or everything (`invalid`). A truthful set never breaks it, but a policy that explores
            does, and learns confidences that are too low (docs/calibration.md); the share of such sets is logged in
            any case.
        tolerance: room for rounding: three confidences rounded to two decimals are off by at most 0.015.
        match: the matcher of rows without a `match` column.
        analysis: read an optional `<analysis>` block.
        name: what trainers show; the method's name if not given.

    Raises:
        InputError: an unknown method, credit, sum rule or match, weights that are negative or unknown, or a setting of
            the wrong type.
    """
    if not isinstance(method, Method):
        method = get_method(method)
    for value, known, what in (
        (credit, get_args(Credit), "credit"),
        (sum_rule, get_args(SumRule), "sum_rule"),
        (match, tuple(MATCHERS), "match"),
    ):
        if value not in known:
            raise InputError(f"reward {what}: unknown value {value!r}; use one of {', '.join(known)}")
    if not _is_number(k, Integral, at_least=1):
        raise InputError(f"reward: k={k!r}; give a whole number of answers, at least 1")
    if not _is_number(tolerance, Real, at_least=0):
        raise InputError(f"reward: tolerance={tolerance!r}; give a number, at least 0")
    if not isinstance(analysis, bool):
        raise InputError(f"reward: analysis={analysis!r}; give true or false")
    if name is not None and not isinstance(name, str):
        raise InputError(f"reward: name={name!r}; give a text, or none for the method's name")
    return SetReward(
        method,
        method.answers(int(k)),
        credit,
        _read_weights(weights),
        sum_rule,
        tolerance,
        match,
        analysis,
        name or method.name,
    )


def _is_number(value: object, kind: type, at_least: int) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and bool(value >= at_least)  # type: ignore[operator]


def _read_weights(weights: Weights | Mapping[str, float] | None) -> Weights:
    if isinstance(weights, Weights):
        return weights
    if not (weights is None or isinstance(weights, Mapping)):
        raise InputError(f"reward weights: {weights!r}; give a mapping with some of format, correctness, brier")
    try:
        return Weights.model_validate(dict(weights or {}))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InputError(f"reward weights: {where}: {problem['msg']}; use format, correctness, brier ≥ 0") from error
