"""What a batch of rewards tells the trainer: means for its curves, columns for its table of completions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from setwise.answers import Reason
from setwise.matching import Judgement
from setwise.rewards.formula import Breakdown

logger = logging.getLogger(__name__)

LogMetric = Callable[[str, float], None]
LogExtra = Callable[[str, list[Any]], None]


class Scores(NamedTuple):
    """The rewards of a batch and their parts, one value per completion."""

    total: list[float]
    format: list[float]
    correctness: list[float]
    brier: list[float]
    reason: list[str | None]
    valid: list[bool]


def collect(parts: Iterable[Breakdown]) -> Scores:
    """The batch's parts, summed over the answers of each completion."""
    scores = Scores([], [], [], [], [], [])
    for total, earned, correctness, brier, reason, _, valid in parts:
        scores.total.append(total)
        scores.format.append(earned)
        scores.correctness.append(sum(correctness))
        scores.brier.append(sum(brier))
        scores.reason.append(reason)
        scores.valid.append(valid)
    return scores


def log_batch(
    name: str,
    judgements: Sequence[Judgement],
    scores: Scores,
    log_metric: LogMetric | None,
    log_extra: LogExtra | None,
) -> None:
    """Log `<name>/…` by TRL's callbacks, and warn of checks that could not be decided."""
    faults = Counter([fault for judgement in judgements if judgement.faults for fault in judgement.faults])
    if faults:
        logger.warning("%s: %d checks undecided, counted as wrong: %s", name, faults.total(), dict(faults))
    if log_metric is not None and judgements:
        for metric, value in _means(judgements, scores).items():
            log_metric(f"{name}/{metric}", value)
        log_metric(f"{name}/undecided_checks", float(faults.total()))
    if log_extra is not None:
        log_extra(f"{name}/format", scores.format)
        log_extra(f"{name}/correctness", scores.correctness)
        log_extra(f"{name}/brier", scores.brier)
        log_extra(f"{name}/hits", ["".join(map(str, judgement.hits)) for judgement in judgements])
        log_extra(f"{name}/reason", [str(reason or "") for reason in scores.reason])


def _means(judgements: Sequence[Judgement], scores: Scores) -> dict[str, float]:
    """The batch's means. The rate of every reason stands in every batch, so that means over batches are right."""
    n = len(judgements)
    reasons = Counter(scores.reason)
    above = reasons.pop(Reason.SUM_ABOVE_ONE, 0)
    means = {
        "valid": sum(scores.valid) / n,
        "hits": sum([sum(judgement.hits) for judgement in judgements]) / n,
        "coverage": sum([1 in judgement.hits for judgement in judgements]) / n,
        "format": sum(scores.format) / n,
        "correctness": sum(scores.correctness) / n,
        "brier": sum(scores.brier) / n,
        "sum_above_one": above / n,
    }
    invalid = [reason for reason in Reason if reason is not Reason.SUM_ABOVE_ONE]
    return means | {f"invalid/{reason}": reasons[reason] / n for reason in invalid}
