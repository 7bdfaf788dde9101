"""The one table of metrics: how each is called, what it says, which way is better, why it can be undefined.

Whoever shows a metric reads it here: the report, `setwise compare`, the leaderboard, the gate, the card; a test holds
`docs/metrics.md` to it. The order of the table is the order in which they are shown. Names are stable and usable as
MLflow keys; a metric over the valid completions only has the suffix `_valid`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

VALID = "_valid"
_AT = re.compile(r"_at_(\d+)$")
_MARKS = (1, 2, 3, 4, 5, 10, 20, 30)

Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Metric:
    """One metric, or a family of them, `…_at_k`.

    Attributes:
        label: what people read; `{k}` in a family.
        meaning: what it says, in a few words.
        better: None for what describes the data, not the model.
        undefined: why its value can be None.
        chief: whether it is among the few that stand for a run.
    """

    label: str
    meaning: str
    better: Better
    undefined: str
    chief: bool = False


_NO_VALID = "no valid completion"
_NO_CONFIDENCE = "no confidences are stated, or no valid completion"
_NO_POSTERIOR = "no posterior is known, or no valid completion"
_NO_BOTH = "needs a posterior, stated confidences and a valid completion"
_ONE_GENERATION = "needs two generations of a question long enough to compare"
_ONE_SIDED = "no confidences are stated, or the answers are all right or all wrong"
_NOT_ATTAINABLE = "the attainable coverage is not known"

GROUPS: dict[str, dict[str, Metric]] = {
    "Right answers": {
        "valid_rate": Metric(
            "valid completions", "share of completions in the required layout", "higher", _NO_VALID, chief=True
        ),
        "undecided_rate": Metric(
            "undecided completions",
            "share of completions that no check could judge; left out elsewhere",
            "lower",
            _NO_VALID,
        ),
        "coverage_at_k": Metric(
            "coverage@{k}", "questions with a right answer among the first {k}", "higher", _NO_VALID, chief=True
        ),
        "correct_at_k": Metric("correct@{k}", "right answers among the first {k}", "higher", _NO_VALID, chief=True),
        "precision": Metric("precision", "share of the answers that are right", "higher", _NO_VALID, chief=True),
        "recall": Metric(
            "recall",
            "share of the gold answers that were found",
            "higher",
            "no question has a gold list, or no valid completion",
            chief=True,
        ),
        "pass_at_k": Metric(
            "pass@{k}", "chance of a right answer in {k} generations", "higher", "no question has k valid completions"
        ),
    },
    "Against the best attainable": {
        "attainable_coverage": Metric(
            "best attainable coverage", "coverage of the most probable answers", None, _NOT_ATTAINABLE
        ),
        "attainable_share": Metric(
            "share of attainable coverage",
            "coverage over the best attainable",
            "higher",
            f"{_NOT_ATTAINABLE}, or no valid completion",
            chief=True,
        ),
        "posterior_share": Metric(
            "share of attainable mass",
            "posterior mass of the set over the largest possible",
            "higher",
            _NO_POSTERIOR,
            chief=True,
        ),
        "attainable_set_brier": Metric(
            "best attainable set Brier",
            "set Brier of the most probable answers, stated truthfully",
            None,
            "no posterior is known",
        ),
        "excess_set_brier": Metric(
            "excess set Brier", "expected set Brier above the best attainable", "lower", _NO_BOTH
        ),
        "excess_confidence_brier": Metric(
            "excess Brier of confidences", "what the confidences cost over stating the posterior", "lower", _NO_BOTH
        ),
    },
    "Confidences": {
        "set_brier": Metric(
            "set Brier", "squared error of the confidences, mean over the set", "lower", _NO_CONFIDENCE, chief=True
        ),
        "answer_brier": Metric(
            "answer Brier", "squared error of the confidences, pooled over answers", "lower", _NO_CONFIDENCE
        ),
        "ece_width": Metric(
            "ECE, equal width", "gap between stated and observed, bins of equal width", "lower", _NO_CONFIDENCE
        ),
        "ece_mass": Metric(
            "ECE, equal mass",
            "gap between stated and observed, bins of equal mass",
            "lower",
            _NO_CONFIDENCE,
            chief=True,
        ),
        "auroc": Metric(
            "AUROC",
            "chance that a right answer is stated with more confidence than a wrong one",
            "higher",
            _ONE_SIDED,
            chief=True,
        ),
        "set_calibration_error": Metric(
            "set calibration error",
            "gap between stated and observed coverage of the set",
            "lower",
            _NO_CONFIDENCE,
            chief=True,
        ),
        "mass_over_one": Metric(
            "mass over one",
            "share of sets whose confidences sum to more than 1, of exclusive answers",
            "lower",
            "needs confidences and a valid completion to an exclusive question",
        ),
    },
    "Variety": {
        "unique_answers": Metric("unique answers", "distinct answers to a question", "higher", _NO_VALID),
        "duplicate_rate": Metric("duplicate rate", "share of the answers that repeat another", "lower", _NO_VALID),
        "effective_set_size": Metric(
            "effective set size", "how many answers the set is worth, by entropy", "higher", _NO_VALID
        ),
    },
    "Cost": {
        "tokens_per_question": Metric(
            "tokens per question", "tokens generated for a set", "lower", _NO_VALID, chief=True
        ),
        "tokens_per_distinct": Metric(
            "tokens per distinct answer", "tokens generated for each distinct answer", "lower", _NO_VALID
        ),
        "tokens_per_correct": Metric(
            "tokens per correct answer",
            "tokens generated for each right answer",
            "lower",
            "no correct answer",
            chief=True,
        ),
    },
    "Overlap between generations": {
        "overlap_3gram": Metric("3-gram overlap", "3-grams that two generations share", "lower", _ONE_GENERATION),
        "overlap_4gram": Metric("4-gram overlap", "4-grams that two generations share", "lower", _ONE_GENERATION),
        "overlap_jaccard": Metric("Jaccard overlap", "words that two generations share", "lower", _ONE_GENERATION),
        "overlap_rouge_l": Metric(
            "ROUGE-L overlap", "longest common subsequence of two generations", "lower", _ONE_GENERATION
        ),
    },
}
"""What a metric is about → its entry by name, in the order shown."""
CATALOGUE: dict[str, Metric] = {name: entry for group in GROUPS.values() for name, entry in group.items()}


def metric(name: str) -> Metric:
    """The entry of a metric's full name, such as `coverage_at_3_valid`, its k filled in.

    Raises:
        KeyError: there is no such metric.
    """
    family, k = _parts(name)
    if family.endswith("_at_k") and not k:
        raise KeyError(name)
    entry = CATALOGUE[family]
    return replace(entry, label=entry.label.format(k=k), meaning=entry.meaning.format(k=k))


def in_order(names: Iterable[str]) -> dict[str, list[str]]:
    """The names by group, in the order of the table, then by k; groups without any are left out."""
    place = {family: at for at, family in enumerate(CATALOGUE)}
    ordered = sorted(names, key=lambda name: (place[_parts(name)[0]], _parts(name)[1]))
    found = {group: [name for name in ordered if _parts(name)[0] in entries] for group, entries in GROUPS.items()}
    return {group: members for group, members in found.items() if members}


def chief_names(answers: int) -> list[str]:
    """The few metrics that stand for a set-up that gives `answers` answers, in the order of the table.

    Coverage is given of the first answer and of all; correct answers of all, where there are several.
    """
    asked = {"coverage_at_k": sorted({1, answers}), "correct_at_k": [answers] if answers > 1 else []}
    names: list[str] = []
    for name, entry in CATALOGUE.items():
        if entry.chief:
            names += [f"{name.removesuffix('k')}{k}" for k in asked[name]] if name in asked else [name]
    return names


def lower_is_better(tracked: str) -> bool:
    """Whether less of a metric is better, by its name in MLflow (`eval/ece_width`); False of what is not known here."""
    try:
        return metric(tracked.rpartition("/")[2]).better == "lower"
    except KeyError:
        return False


def marks(most: int) -> list[int]:
    """The k at which `…_at_k` is given: 1 … 5, 10, 20, 30 as far as `most` goes, and `most`."""
    return sorted({k for k in _MARKS if k < most} | {most})


def _parts(name: str) -> tuple[str, int]:
    """The name in the table and k, 0 where it has none: `coverage_at_3_valid` → `("coverage_at_k", 3)`."""
    plain = name.removesuffix(VALID)
    found = _AT.search(plain)
    return (_AT.sub("_at_k", plain), int(found[1])) if found else (plain, 0)
