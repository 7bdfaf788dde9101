"""What arXiv 2603.24844 shows, beside what this run shows: each claim with both figures and a verdict.

The paper's figures are of DDXPlus with Qwen3-8B and K = 3, read off its plots. A claim is about which way and how much
more, not about the figure itself; it holds where the 95% interval of what it says lies wholly on its side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from setwise.evaluation.compare import Row
from setwise.metrics.estimates import decimals, number, with_interval
from setwise.report.comparisons import (
    Comparisons,
    first_answer_ratio,
    overconfidence,
    stand_in_overconfidence,
    tokens_ratio,
    unique_ratio,
)
from setwise.report.results import Point, Results

Verdict = Literal["holds", "does not hold", "undecided", "not measured"]

RLVR_MULTI, RLVR_SINGLE, RLCR_MULTI = "rlvr_multi", "rlvr_single", "rlcr_multi"
_GRID = '{"k": [2, 3, 4, 5], "seed": [0, 1, 2]}'
SWEEP_COMMAND = (
    f"prefect deployment run sweep/sweep -p 'grid={_GRID}' -p rank_by=eval/coverage_at_1, "
    "then python -m pipelines.sweeps"
)
SWEPT_K = (2, 3, 4, 5)
"""The K that the paper's claim speaks of."""
CALIBRATED = 0.05
"""ECE up to which a model counts as on the identity line: about half a bin of a reliability diagram with ten."""
_OVERLAPS = (
    ("3-gram", "3gram", 0.199),
    ("4-gram", "4gram", 0.157),
    ("Jaccard", "jaccard", 0.152),
    ("ROUGE-L", "rouge_l", 0.424),
)


@dataclass(frozen=True)
class Claim:
    """One row of the table: what is claimed, the paper's figure, ours, the verdict and why."""

    claim: str
    paper: str
    ours: str
    verdict: Verdict
    why: str


def claims(comparisons: Comparisons) -> list[Claim]:
    """Every claim, in the order of the paper."""
    results = comparisons.results
    asked: list[Callable[[Comparisons], Claim]] = [
        lambda c: _more_correct(c, c.results.k, "0.80 against 0.63"),
        lambda c: _more_correct(c, c.results.params.evaluate.answers, "1.21 against 0.81"),
        _more_unique,
        _fewer_tokens,
        _calibrated,
        _overconfident,
        _rises_with_k,
        _prompting_falls_short,
        *(lambda c, o=overlap: _repeats(c, *o) for overlap in _OVERLAPS),
        _better_code,
    ]
    return [ask(comparisons) for ask in asked] if results.methods else []


def _missing(results: Results, *methods: str) -> str:
    absent = [method for method in methods if method not in results.methods]
    return f"{' and '.join(absent)} not trained in this run; add to params.yaml: methods" if absent else ""


def decide(lo: float | None, hi: float | None, threshold: float, above: bool = True) -> Verdict:
    """Whether the interval lies on the claimed side of the threshold, on the other, or on both."""
    if lo is None or hi is None:
        return "undecided"
    if above:
        return "holds" if lo > threshold else "does not hold" if hi <= threshold else "undecided"
    return "holds" if hi <= threshold else "does not hold" if lo > threshold else "undecided"


def _worse(one: Verdict, other: Verdict) -> Verdict:
    """The verdict on two things that must both hold."""
    order: tuple[Verdict, ...] = ("does not hold", "undecided", "holds")
    return min(one, other, key=order.index)


def _both(row: Row) -> str:
    """`b against a; difference [lo, hi]` of a paired row."""
    difference = {"value": row.difference, "lo": row.lo, "hi": row.hi}
    places = decimals([difference])
    return f"{number(row.b, places)} against {number(row.a, places)}; difference {with_interval(difference, sign=True)}"


def _more_correct(comparisons: Comparisons, answers: int, paper: str) -> Claim:
    results = comparisons.results
    text = (
        f"With {answers} answers to a question, sets of {RLVR_MULTI} hold more right ones than samples of {RLVR_SINGLE}"
    )
    missing = _missing(results, RLVR_MULTI, RLVR_SINGLE)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    row = _correct_at(comparisons, answers)
    verdict = decide(row.lo, row.hi, 0.0)
    return Claim(text, paper, f"{_both(row)} correct answers", verdict, _why_correct(results, verdict, answers))


def _correct_at(comparisons: Comparisons, answers: int) -> Row:
    """Correct answers of RLVR-multi against RLVR-single: of one set of K, or over the curves for another number."""
    results = comparisons.results
    sampled = results.extra(RLVR_SINGLE, f"sample-{answers}")
    if answers == results.k and sampled is not None:
        row = comparisons.row(f"correct_at_{answers}", sampled, results.one(RLVR_MULTI))
        if row is not None:
            return row
    multi, single = results.many(RLVR_MULTI), results.many(RLVR_SINGLE)
    return comparisons.at(comparisons.shared_answers(answers, single, multi), single, multi)["correct"]


def _why_correct(results: Results, verdict: Verdict, answers: int) -> str:
    if verdict == "holds":
        return "The interval of the paired difference is above 0."
    exclusive = all(len(example.gold) == 1 for example in results.examples)
    parts = ["The paired difference holds 0." if verdict == "undecided" else "The paired difference is below 0."]
    options = _vocabulary(results)
    if exclusive:
        parts.append("Each question has one right answer, so no more than 1 can be found.")
    if options and options <= answers:
        parts.append(f"There are {options} different answers, so that {answers} tries can name nearly all of them.")
    return " ".join(parts)


def _vocabulary(results: Results) -> int | None:
    """How many different answers the posteriors speak of; None where there are none."""
    names = {name for example in results.examples for name, _ in example.posterior}
    return len(names) or None


def _more_unique(comparisons: Comparisons) -> Claim:
    results = comparisons.results
    asked = results.params.evaluate.answers
    text = f"Among {asked} answers, {RLVR_MULTI} gives at least twice as many different ones as {RLVR_SINGLE}"
    paper = "8.9 against 3.9 (2.3 times) of 30"
    missing = _missing(results, RLVR_MULTI, RLVR_SINGLE)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    multi, single = results.many(RLVR_MULTI), results.many(RLVR_SINGLE)
    found = unique_ratio(comparisons, multi, single, comparisons.shared_answers(asked, multi, single))
    if found is None:
        return Claim(text, paper, "", "not measured", f"{RLVR_SINGLE} gives no valid answer")
    verdict = decide(found.lo, found.hi, 2.0)
    ours = f"{number(found.of, 2)} against {number(found.to, 2)}: {with_interval(found.estimate)} times"
    options = _vocabulary(results)
    why = "The interval of the ratio is above 2."
    if verdict != "holds":
        why = f"The interval of the ratio {'holds' if verdict == 'undecided' else 'is not above'} 2."
        if options:
            why += f" Only {options} different answers exist here; {RLVR_SINGLE} names {number(found.to, 1)} of them."
    return Claim(text, paper, ours, verdict, why)


def _fewer_tokens(comparisons: Comparisons) -> Claim:
    results = comparisons.results
    k = results.k
    text = f"For as many different answers, {RLVR_MULTI} needs at most half the tokens of repeated sampling"
    paper = "about half"
    missing = _missing(results, RLVR_MULTI, RLVR_SINGLE)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    found = tokens_ratio(comparisons, results.many(RLVR_MULTI), results.many(RLVR_SINGLE), k)
    if found is None:
        return Claim(text, paper, "", "not measured", f"{RLVR_SINGLE} spends no tokens")
    verdict = decide(found.lo, found.hi, 0.5, above=False)
    ours = f"{number(found.of, 1)} against {number(found.to, 1)} tokens: {with_interval(found.estimate)} of them"
    why = f"Tokens of one set of {k} against those of as many samples as give the same number of different answers."
    if verdict != "holds":
        why += " Completions here are short: the tags of each answer cost as much as the reasoning that a set saves."
    return Claim(text, paper, ours, verdict, why)


def _calibrated(comparisons: Comparisons) -> Claim:
    text, paper = f"{RLCR_MULTI} lies on the identity line", "on the line"
    missing = _missing(comparisons.results, RLCR_MULTI)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    entry = comparisons.results.report(comparisons.results.one(RLCR_MULTI))["metrics"]["ece_mass"]
    if entry["value"] is None:
        return Claim(text, paper, "", "not measured", entry["reason"])
    verdict = decide(entry["lo"], entry["hi"], CALIBRATED, above=False)
    why = f"On the line means an ECE (equal mass, invalid completions as worst) of at most {CALIBRATED}."
    return Claim(text, paper, f"ECE {with_interval(entry)}", verdict, why)


def _overconfident(comparisons: Comparisons) -> Claim:
    results = comparisons.results
    text, paper = f"{RLVR_MULTI} is overconfident above 0.4, {RLCR_MULTI} is not", "overconfident above 0.4"
    missing = _missing(results, RLVR_MULTI, RLCR_MULTI)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    implied = stand_in_overconfidence(comparisons, results.many(RLVR_MULTI))
    stated = overconfidence(comparisons, results.one(RLCR_MULTI))
    if implied is None or stated is None:
        return Claim(text, paper, "", "not measured", "no answers with a confidence above 0.4")
    parts = (decide(implied.lo, implied.hi, 0.0), decide(stated.lo, stated.hi, CALIBRATED, above=False))
    verdict = _worse(*parts)
    ours = f"{with_interval(implied.estimate, sign=True)} against {with_interval(stated.estimate, sign=True)}"
    why = (
        f"Confidence minus share of right answers, above 0.4. {RLVR_MULTI} states no confidence here: the share of its "
        "generations that give an answer stands in (picked by one half of them, counted in the other); "
        f"{RLCR_MULTI} may be up to {CALIBRATED} over."
    )
    return Claim(text, paper, ours, verdict, why)


def _rises_with_k(comparisons: Comparisons) -> Claim:
    text = "Right answers per set rise with K = 2, 3, 4, 5, each K trained for itself"
    paper = "0.65, 0.78, 0.94, 1.06"
    results = comparisons.results
    points = results.by_k(RLVR_MULTI) or results.by_k(RLCR_MULTI)
    if len(points) < 2:
        why = " ".join([*(f"{reason}." for reason in results.unfit_sweeps), f"needs a sweep over K: {SWEEP_COMMAND}"])
        return Claim(text, paper, "", "not measured", why)
    ours = ", ".join(f"K = {p.k}: {with_interval(p.estimate)}" for p in points)
    return Claim(text, paper, ours, *_judge_rise(points))


def _judge_rise(points: Sequence[Point]) -> tuple[Verdict, str]:
    pairs = list(itertools.pairwise(points))
    if any(a.lo is not None and b.hi is not None and b.hi < a.lo for a, b in pairs):
        return "does not hold", "The interval over seeds of some K lies below that of the K before it."
    missing = [str(k) for k in SWEPT_K if k not in {point.k for point in points}]
    if missing:
        return "undecided", f"Not measured: K = {', '.join(missing)}."
    if all(a.hi is not None and b.lo is not None and a.hi < b.lo for a, b in pairs):
        return "holds", "The means rise, and the intervals over seeds of neighbouring K lie apart."
    rising = all(a.value < b.value for a, b in pairs)
    means = "The means rise" if rising else "The means do not rise throughout"
    return "undecided", f"{means}, but intervals over seeds overlap or are missing."


def _prompting_falls_short(comparisons: Comparisons) -> Claim:
    results = comparisons.results
    k = results.k
    text = f"A single-answer model asked for {k} answers does not match multi-answer training"
    paper = "falls short"
    missing = _missing(results, RLVR_MULTI, RLVR_SINGLE)
    prompted = None if missing else results.extra(RLVR_SINGLE, "prompted")
    if missing or prompted is None:
        return Claim(text, paper, "", "not measured", missing or "the single-answer model was not asked for a set")
    row = comparisons.row(f"correct_at_{k}", prompted, results.one(RLVR_MULTI))
    if row is None or row.difference is None:
        return Claim(text, paper, "", "not measured", f"correct@{k} is not known of both")
    valid = results.report(prompted)["metrics"]["valid_rate"]
    why = f"{with_interval(valid)} of its sets are valid."
    return Claim(text, paper, f"{_both(row)} correct answers", decide(row.lo, row.hi, 0.0), why)


def _repeats(comparisons: Comparisons, name: str, key: str, paper: float) -> Claim:
    text = f"Samples of a single-answer model repeat each other ({name} overlap)"
    missing = _missing(comparisons.results, RLVR_SINGLE)
    if missing:
        return Claim(text, number(paper, 3), "", "not measured", missing)
    entry: Any = comparisons.results.report(comparisons.results.many(RLVR_SINGLE))["metrics"][f"overlap_{key}_valid"]
    if entry["value"] is None:
        why = "Completions without reasoning are too short to compare."
        return Claim(text, number(paper, 3), "", "not measured", why)
    why = f"Holds where the overlap is at least the paper's; of {RLVR_SINGLE}, valid completions, words without tags."
    return Claim(text, number(paper, 3), with_interval(entry), decide(entry["lo"], entry["hi"], paper), why)


def _better_code(comparisons: Comparisons) -> Claim:
    results = comparisons.results
    text, paper = (
        "On code, the first answer is right over 50% more often than a single-answer model's",
        "over 1.5 times",
    )
    if results.params.domain.name != "mbpp":
        return Claim(text, paper, "", "not measured", f"The domain is {results.params.domain.name}; run one of mbpp.")
    missing = _missing(results, RLVR_MULTI, RLVR_SINGLE)
    if missing:
        return Claim(text, paper, "", "not measured", missing)
    multi, single = results.one(RLVR_MULTI), results.one(RLVR_SINGLE)
    found = first_answer_ratio(comparisons, multi, single)
    if found is None:
        return Claim(text, paper, "", "not measured", "the single-answer model has no right answer")
    ours = f"{number(found.of, 3)} against {number(found.to, 3)}: {with_interval(found.estimate)} times"
    why = "Holds where the interval of the ratio is above 1.5."
    return Claim(text, paper, ours, decide(found.lo, found.hi, 1.5), why)
