"""What the report calls the metrics, and what each says in a few words."""

from __future__ import annotations

import re
from typing import NamedTuple


class Label(NamedTuple):
    """How a metric is shown: its name, what it says, and whether it counts in tokens."""

    name: str
    meaning: str


_LABELS = {
    "valid_rate": Label("valid completions", "share of completions in the required layout"),
    "undecided_rate": Label(
        "undecided completions", "share of completions that no check could judge; left out elsewhere"
    ),
    "precision": Label("precision", "share of the answers that are right"),
    "recall": Label("recall", "share of the gold answers that were found"),
    "unique_answers": Label("unique answers", "distinct answers to a question"),
    "duplicate_rate": Label("duplicate rate", "share of the answers that repeat another"),
    "effective_set_size": Label("effective set size", "how many answers the set is worth, by entropy"),
    "set_brier": Label("set Brier", "squared error of the confidences, mean over the set"),
    "answer_brier": Label("answer Brier", "squared error of the confidences, pooled over answers"),
    "ece_width": Label("ECE, equal width", "gap between stated and observed, bins of equal width"),
    "ece_mass": Label("ECE, equal mass", "gap between stated and observed, bins of equal mass"),
    "auroc": Label("AUROC", "chance that a right answer is stated with more confidence than a wrong one"),
    "set_calibration_error": Label("set calibration error", "gap between stated and observed coverage of the set"),
    "mass_over_one": Label("mass over one", "share of sets whose confidences sum to more than 1, of exclusive answers"),
    "tokens_per_question": Label("tokens per question", "tokens generated for a set"),
    "tokens_per_distinct": Label("tokens per distinct answer", "tokens generated for each distinct answer"),
    "tokens_per_correct": Label("tokens per correct answer", "tokens generated for each right answer"),
    "overlap_3gram": Label("3-gram overlap", "3-grams that two generations share"),
    "overlap_4gram": Label("4-gram overlap", "4-grams that two generations share"),
    "overlap_jaccard": Label("Jaccard overlap", "words that two generations share"),
    "overlap_rouge_l": Label("ROUGE-L overlap", "longest common subsequence of two generations"),
    "attainable_coverage": Label("best attainable coverage", "coverage of the most probable answers"),
    "attainable_set_brier": Label(
        "best attainable set Brier", "set Brier of the most probable answers, stated truthfully"
    ),
    "attainable_share": Label("share of attainable coverage", "coverage over the best attainable"),
    "posterior_share": Label("share of attainable mass", "posterior mass of the set over the largest possible"),
    "excess_set_brier": Label("excess set Brier", "expected set Brier above the best attainable"),
    "excess_confidence_brier": Label(
        "excess Brier of confidences", "what the confidences cost over stating the posterior"
    ),
}
_FAMILIES = {
    "coverage": "questions with a right answer among the first {k}",
    "correct": "right answers among the first {k}",
    "pass": "chance of a right answer in {k} generations",
}
_AT = re.compile(r"(\w+)_at_(\d+)")


def label(metric: str) -> Label:
    """The label of a metric, without regard to its form (over all completions, or valid only)."""
    name = metric.removesuffix("_valid")
    found = _AT.fullmatch(name)
    if found:
        family, k = found.groups()
        return Label(f"{family}@{k}", _FAMILIES[family].format(k=k))
    return _LABELS[name]
