"""Verdicts → sums by question: all that metrics, curves and their intervals are computed from.

One row group is in memory at a time; what is kept has one row per question, whatever the number of generations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setwise.domains import Example
from setwise.errors import InputError
from setwise.evaluation.protocols import MAX_ANSWERS, Protocol
from setwise.evaluation.store import Store, StoreKey
from setwise.metrics import (
    Generations,
    JudgedSets,
    Questions,
    Ratio,
    calibration,
    cost,
    coverage,
    diversity,
    generation_sets,
    overlap,
    scaling,
    union_sets,
)
from setwise.metrics import attainable as best
from setwise.metrics.catalogue import VALID, marks
from setwise.metrics.sets import Bools, Floats, Ints, ranked, sum_by

_SET_METRICS: dict[str, Callable[..., Ratio]] = {
    "precision": coverage.precision,
    "recall": coverage.recall,
    "set_brier": calibration.set_brier,
    "answer_brier": calibration.answer_brier,
    "mass_over_one": calibration.mass_over_one,
    "tokens_per_question": cost.tokens_per_question,
    "tokens_per_distinct": cost.tokens_per_distinct,
    "tokens_per_correct": cost.tokens_per_correct,
    "attainable_share": best.attainable_share,
    "posterior_share": best.posterior_share,
    "excess_set_brier": best.excess_set_brier,
    "excess_confidence_brier": best.excess_confidence_brier,
}
_KEY_METRICS: dict[str, Callable[..., Ratio]] = {
    "unique_answers": diversity.unique_answers,
    "duplicate_rate": diversity.duplicate_rate,
    "effective_set_size": diversity.effective_set_size,
}


@dataclass(frozen=True)
class Calibration:
    """What calibration metrics need of the stated confidences.

    Attributes:
        question, confidence, count, hits: [P] each distinct confidence of each question, how many answers stated it
            and how many of those were hits.
        set_bins: [Q, 3, bins] of the sets: count, Σ stated probability of coverage, Σ covered, by stated probability.
        invalid_answers: [Q] answers that invalid completions did not give.
        invalid_sets: [Q] sets with nothing valid in them.
    """

    question: Ints
    confidence: Floats
    count: Floats
    hits: Floats
    set_bins: Floats
    invalid_answers: Floats
    invalid_sets: Floats


@dataclass(frozen=True)
class Tally:
    """The sums of one evaluation over Q questions.

    Attributes:
        key: what the evaluation was made from.
        n_questions: Q.
        metrics: names of the M metrics that are ratios of sums, both forms, the valid-only one as `…_valid`.
        numerators, denominators: [Q, M] of those metrics.
        curves: [Q, 4, n] `scaling.CURVES` over the first 1 … n answers.
        judged: [Q] whether any completion has a verdict; the curves are means over these questions.
        calibration: None where no confidences are stated.
        first_rouge: [Q] ROUGE-L of the first two generations; NaN where one is invalid, or there is but one.
        reasons: why completions were invalid → how many.
        faults: checks of answers that came to no verdict, by what went wrong.
        unfinished: completions that the token limit cut off.
    """

    key: StoreKey
    n_questions: int
    metrics: tuple[str, ...]
    numerators: Floats
    denominators: Floats
    curves: Floats
    judged: Bools
    calibration: Calibration | None
    first_rouge: Floats
    reasons: Counter[str]
    faults: Counter[str]
    unfinished: int

    @property
    def judged_curves(self) -> Floats:
        """[Q, 4, n] the curves, so weighted that their mean over all questions is that over the judged ones."""
        return self.curves * (self.n_questions / max(int(self.judged.sum()), 1))


def tally(path: Path, examples: Sequence[Example]) -> Tally:
    """The sums of the verdicts in `path`.

    Raises:
        InputError: the file is missing, damaged, not judged, or not by exactly these examples.
    """
    store = Store(path)
    store.check_judged(examples)
    groups: list[Tally] = []
    start = 0
    for table in store.groups():
        n = len(table) // store.key.protocol.generations
        groups.append(_tally_group(table, examples[start : start + n], store))
        start += n
    return _join(groups)


def _tally_group(table: pa.Table, examples: Sequence[Example], store: Store) -> Tally:
    """The sums of one row group, which holds the completions of `examples`."""
    protocol = store.key.protocol
    generations = _read_generations(table, protocol, store.path)
    questions = _read_questions(examples, protocol.answers)
    sets = (union_sets if protocol.union else generation_sets)(generations, questions)
    texts = table.column("text").to_pylist()
    drawn = [texts[i : i + protocol.generations] for i in range(0, len(texts), protocol.generations)]
    pairs = overlap.question_overlaps(drawn, generations.valid)
    rouge = pairs[:, :, overlap.OVERLAPS.index("overlap_rouge_l")]
    ratios = _ratios(generations, sets, protocol) | _overlap_ratios(pairs, generations.valid)
    return Tally(
        key=store.key,
        n_questions=len(examples),
        metrics=tuple(ratios),
        numerators=np.stack([ratio.numerator for ratio in ratios.values()], axis=1),
        denominators=np.stack([ratio.denominator for ratio in ratios.values()], axis=1),
        curves=scaling.by_number_of_answers(generations, MAX_ANSWERS),
        judged=np.asarray(generations.decided.any(axis=1)),
        calibration=_calibration(sets),
        first_rouge=rouge[:, 0] if rouge.shape[1] else np.full(len(examples), np.nan),
        reasons=Counter(reason for reason in table.column("reason").to_pylist() if reason is not None),
        faults=Counter(table.column("faults").combine_chunks().flatten().to_pylist()),
        unfinished=table.column("finished").to_pylist().count(False),
    )


def _join(groups: Sequence[Tally]) -> Tally:
    """The sums of all row groups together, the questions in order."""
    first = groups[0]
    starts = np.cumsum([0, *(group.n_questions for group in groups)])
    return Tally(
        key=first.key,
        n_questions=int(starts[-1]),
        metrics=first.metrics,
        numerators=np.concatenate([group.numerators for group in groups]),
        denominators=np.concatenate([group.denominators for group in groups]),
        curves=np.concatenate([group.curves for group in groups]),
        judged=np.concatenate([group.judged for group in groups]),
        calibration=_join_calibration([g.calibration for g in groups if g.calibration is not None], starts),
        first_rouge=np.concatenate([group.first_rouge for group in groups]),
        faults=sum((group.faults for group in groups), Counter()),
        reasons=sum((group.reasons for group in groups), Counter()),
        unfinished=sum(group.unfinished for group in groups),
    )


def _ratios(generations: Generations, sets: JudgedSets, protocol: Protocol) -> dict[str, Ratio]:
    """Every metric that is a ratio of sums, by question: [Q] of this row group."""
    n = len(generations.valid)
    decided = generations.decided
    keys = np.where(decided[:, :, None], generations.keys, diversity.LEFT_OUT).reshape(n, -1)
    by_set = {
        "attainable_coverage": best.attainable_coverage(sets),
        "attainable_set_brier": best.attainable_set_brier(sets),
    }
    by_question = {
        "valid_rate": coverage.valid_rate(generations.valid, decided),
        "undecided_rate": coverage.undecided_rate(decided),
    }
    for valid_only in (False, True):
        form = VALID if valid_only else ""
        for k in marks(protocol.answers):
            by_set[f"coverage_at_{k}{form}"] = coverage.coverage_at_k(sets, k, valid_only=valid_only)
            by_set[f"correct_at_{k}{form}"] = coverage.correct_at_k(sets, k, valid_only=valid_only)
        for name, function in _SET_METRICS.items():
            by_set[name + form] = function(sets, valid_only=valid_only)
        for k in marks(protocol.generations):
            by_question[f"pass_at_{k}{form}"] = coverage.pass_at_k(
                generations.hits, generations.valid, k, valid_only=valid_only, decided=decided
            )
        for name, function in _KEY_METRICS.items():
            by_question[name + form] = function(keys, valid_only=valid_only)
    return by_question | {name: ratio.by_question(sets.question, n) for name, ratio in by_set.items()}


def _overlap_ratios(pairs: Floats, valid: Bools) -> dict[str, Ratio]:
    return {
        name + form: overlap.mean_overlap(pairs[:, :, i], valid, valid_only=bool(form))
        for i, name in enumerate(overlap.OVERLAPS)
        for form in ("", VALID)
    }


def _calibration(sets: JudgedSets) -> Calibration | None:
    """The calibration sums of one row group."""
    if sets.confidences is None:
        return None
    n = len(sets.questions.gold)
    row, slot = np.nonzero(sets.filled)
    stated, hit = sets.confidences[row, slot], sets.hits[row, slot].astype(float)
    pairs, inverse = np.unique(np.stack([sets.question[row].astype(float), stated]), axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    valid = sets.valid
    said, covered = calibration.set_probability(sets)[valid], np.any(sets.hits, axis=1)[valid].astype(float)
    bins = calibration.width_bins(said) + calibration.N_BINS * sets.question[valid]
    by_bin = calibration.bin_sums(bins, said, covered, n * calibration.N_BINS)
    return Calibration(
        question=pairs[0].astype(np.int64),
        confidence=pairs[1],
        count=sum_by(inverse, np.ones(len(inverse)), pairs.shape[1]),
        hits=sum_by(inverse, hit, pairs.shape[1]),
        set_bins=by_bin.reshape(3, n, calibration.N_BINS).transpose(1, 0, 2),
        invalid_answers=sum_by(sets.question, sets.invalid, n),
        invalid_sets=sum_by(sets.question, ~valid, n),
    )


def _join_calibration(groups: Sequence[Calibration], starts: Ints) -> Calibration | None:
    if not groups:
        return None
    moved = [replace(group, question=group.question + start) for group, start in zip(groups, starts, strict=False)]
    names = [field.name for field in fields(Calibration)]
    return Calibration(**{name: np.concatenate([getattr(group, name) for group in moved]) for name in names})


def _read_generations(table: pa.Table, protocol: Protocol, path: Path) -> Generations:
    """The generations of one row group, the answers of each ranked.

    Raises:
        InputError: a valid row has another number of answers or confidences than the layout; names `path`.
    """
    k, shape = protocol.layout.k, (-1, protocol.generations, protocol.layout.k)
    valid = np.asarray(pc.is_null(table.column("reason")))

    def slots(name: str, empty: float, where: np.ndarray = valid) -> np.ndarray:
        column = table.column(name).combine_chunks().filter(pa.array(where))
        if not np.all(np.asarray(pc.fill_null(pc.list_value_length(column), -1)) == k):
            raise InputError(f"{path}: a valid row whose {name} are not {k}, as its key says; judge again")
        values = column.flatten()
        flat = values.dictionary_encode().indices if pa.types.is_string(values.type) else values
        filled = np.full((len(valid), k), empty)
        filled[where] = np.asarray(flat, dtype=float).reshape(-1, k)
        return filled.reshape(shape)

    stated = slots("confidences", 0.0) if protocol.layout.confidences else None
    known = np.asarray(pc.is_valid(table.column("posterior")))
    faulty = np.asarray(pc.fill_null(pc.list_value_length(table.column("faults")), 0)) > 0
    return ranked(
        Generations(
            keys=slots("keys", -1).astype(np.int64),
            hits=slots("hits", 0).astype(bool),
            confidences=stated,
            posterior=slots("posterior", 0.0, valid & known) if known.any() else None,
            valid=valid.reshape(shape[:2]),
            tokens=np.asarray(table.column("n_tokens"), dtype=np.int64).reshape(shape[:2]),
            undecided=(valid & faulty).reshape(shape[:2]),
        )
    )


def _read_questions(examples: Sequence[Example], answers: int) -> Questions:
    """What metrics need of the examples; the best attainable is that of a set of `answers` answers."""
    truths = [[probability for _, probability in example.posterior] for example in examples]
    return Questions(
        gold=np.array([len(example.gold) for example in examples]),
        exclusive=np.array([example.exclusive for example in examples]),
        known=np.array([bool(truth) for truth in truths]),
        best_coverage=np.array([_attainable(example, answers) for example in examples]),
        best_hits=np.array([best.best_hits(truth, answers) for truth in truths]),
        best_brier=np.stack([best.best_set_briers(truth, answers) for truth in truths]),
    )


def _attainable(example: Example, answers: int) -> float:
    """Attainable coverage@answers: Σp of exclusive answers, else what the domain says (by k, from 1); 0 if unknown."""
    if example.exclusive:
        return best.best_hits([probability for _, probability in example.posterior], answers)
    stated = example.columns.get("attainable_coverage", ())
    return float(stated[answers - 1]) if answers <= len(stated) else 0.0
