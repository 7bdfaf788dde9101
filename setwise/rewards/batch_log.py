"""What a batch of rewards tells the trainer: means for its curves, columns for its table of completions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
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
    hits: list[tuple[int, ...]]
    faults: list[tuple[str, ...]]


def collect(judged: Iterable[tuple[Judgement, Breakdown]]) -> Scores:
    """The batch's parts, summed over the answers of each completion; the judgements themselves are not kept."""
    scores = Scores([], [], [], [], [], [], [], [])
    for judgement, (total, earned, correctness, brier, reason, _, valid) in judged:
        scores.total.append(total)
        scores.format.append(earned)
        scores.correctness.append(sum(correctness))
        scores.brier.append(sum(brier))
        scores.reason.append(reason)
        scores.valid.append(valid)
        scores.hits.append(judgement.hits)
        scores.faults.append(judgement.faults)
    return scores


def log_batch(name: str, scores: Scores, log_metric: LogMetric | None, log_extra: LogExtra | None) -> None:
    """Log `<name>/…` by TRL's callbacks, and warn of checks that could not be decided."""
    faults = Counter([fault for row in scores.faults if row for fault in row])
    if faults:
        logger.warning("%s: %d checks undecided, counted as wrong: %s", name, faults.total(), dict(faults))
    if log_metric is not None and scores.total:
        for metric, value in _means(scores).items():
            log_metric(f"{name}/{metric}", value)
        log_metric(f"{name}/undecided_checks", float(faults.total()))
    if log_extra is not None:
        log_extra(f"{name}/format", scores.format)
        log_extra(f"{name}/correctness", scores.correctness)
        log_extra(f"{name}/brier", scores.brier)
        log_extra(f"{name}/hits", ["".join(map(str, hits)) for hits in scores.hits])
        log_extra(f"{name}/reason", [str(reason or "") for reason in scores.reason])


def _means(scores: Scores) -> dict[str, float]:
    """The batch's means. The rate of every reason stands in every batch, so that means over batches are right."""
    n = len(scores.total)
    reasons = Counter(scores.reason)
    above = reasons.pop(Reason.SUM_ABOVE_ONE, 0)
    means = {
        "valid": sum(scores.valid) / n,
        "hits": sum([sum(hits) for hits in scores.hits]) / n,
        "coverage": sum([1 in hits for hits in scores.hits]) / n,
        "format": sum(scores.format) / n,
        "correctness": sum(scores.correctness) / n,
        "brier": sum(scores.brier) / n,
        "sum_above_one": above / n,
    }
    invalid = [reason for reason in Reason if reason is not Reason.SUM_ABOVE_ONE]
    return means | {f"invalid/{reason}": reasons[reason] / n for reason in invalid}
