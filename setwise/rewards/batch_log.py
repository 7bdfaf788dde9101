"""What a batch of rewards tells the trainer: means for its curves, columns for its table of completions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import compress
from math import isnan
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
    decided: list[bool]


def collect(judged: Iterable[tuple[Judgement, Breakdown]]) -> Scores:
    """The batch's parts, summed over the answers of each completion; the judgements themselves are not kept."""
    scores = Scores([], [], [], [], [], [], [], [], [])
    for judgement, (total, earned, correctness, brier, reason, _, valid) in judged:
        scores.total.append(total)
        scores.format.append(earned)
        scores.correctness.append(sum(correctness))
        scores.brier.append(sum(brier))
        scores.reason.append(reason)
        scores.valid.append(valid)
        scores.hits.append(judgement.hits)
        scores.faults.append(judgement.faults)
        scores.decided.append(not isnan(total))
    return scores


def log_batch(name: str, scores: Scores, log_metric: LogMetric | None, log_extra: LogExtra | None) -> None:
    """Log `<name>/…` by TRL's callbacks, and warn of checks that could not be decided."""
    faults = Counter([fault for row in scores.faults if row for fault in row])
    undecided = scores.decided.count(False)
    if faults:
        logger.warning(
            "%s: %d checks came to no verdict (%s); %d of %d completions have no reward for it",
            name,
            faults.total(),
            ", ".join(f"{fault}: {count}" for fault, count in sorted(faults.items())),
            undecided,
            len(scores.total),
        )
    if log_metric is not None and scores.total:
        for metric, value in _means(scores).items():
            log_metric(f"{name}/{metric}", value)
        log_metric(f"{name}/undecided", undecided / len(scores.total))
        log_metric(f"{name}/undecided_checks", float(faults.total()))
    if log_extra is not None:
        for part in ("format", "correctness", "brier"):
            values = zip(getattr(scores, part), scores.decided, strict=True)
            log_extra(f"{name}/{part}", [value if decided else None for value, decided in values])
        shown = {hits: "".join(map(str, hits)) for hits in set(scores.hits)}
        rows = zip(scores.hits, scores.decided, strict=True)
        log_extra(f"{name}/hits", [shown[hits] if decided else None for hits, decided in rows])
        reasons = zip(scores.reason, scores.decided, strict=True)
        log_extra(f"{name}/reason", [str(reason or "") if decided else "undecided" for reason, decided in reasons])


def _only_decided(scores: Scores) -> Scores:
    columns: list[Any] = [list(compress(part, scores.decided)) for part in scores]
    return Scores(*columns)


def _means(scores: Scores) -> dict[str, float]:
    """The means over the batch's decided completions; none if there are none.

    The rate of every reason stands in every batch, so that means over batches are right.
    """
    known = scores if all(scores.decided) else _only_decided(scores)
    n = len(known.total)
    if not n:
        return {}
    reasons = Counter(known.reason)
    above = reasons.pop(Reason.SUM_ABOVE_ONE, 0)
    means = {
        "valid": sum(known.valid) / n,
        "hits": sum([sum(hits) for hits in known.hits]) / n,
        "coverage": sum([1 in hits for hits in known.hits]) / n,
        "format": sum(known.format) / n,
        "correctness": sum(known.correctness) / n,
        "brier": sum(known.brier) / n,
        "sum_above_one": above / n,
    }
    invalid = [reason for reason in Reason if reason is not Reason.SUM_ABOVE_ONE]
    return means | {f"invalid/{reason}": reasons[reason] / n for reason in invalid}
