"""An invalid completion is never the better one: over all completions, spoiling one never improves a metric."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_arrays import make_generations, make_questions

from setwise.metrics import attainable, calibration, cost, coverage, diversity, generation_sets, union_sets
from setwise.metrics.calibration import N_BINS, bin_sums, ece, set_probability, width_bins


def _ece(sets):
    row, slot = np.nonzero(sets.filled)
    stated, hits = sets.confidences[row, slot], sets.hits[row, slot].astype(float)
    return float(ece(bin_sums(width_bins(stated), stated, hits, N_BINS), float(sets.invalid.sum())))


def _set_calibration_error(sets):
    said, covered = set_probability(sets)[sets.valid], sets.hits.any(axis=1)[sets.valid].astype(float)
    return float(ece(bin_sums(width_bins(said), said, covered, N_BINS), float((~sets.valid).sum())))


HIGHER_IS_BETTER = {
    "coverage": lambda sets, drawn: coverage.coverage_at_k(sets, 2).value(),
    "first covered": lambda sets, drawn: coverage.coverage_at_k(sets, 1).value(),
    "correct": lambda sets, drawn: coverage.correct_at_k(sets, 2).value(),
    "precision": lambda sets, drawn: coverage.precision(sets).value(),
    "recall": lambda sets, drawn: coverage.recall(sets).value(),
    "pass": lambda sets, drawn: coverage.pass_at_k(drawn.hits, drawn.valid, 2).value(),
    "valid": lambda sets, drawn: coverage.valid_rate(drawn.valid).value(),
    "unique": lambda sets, drawn: diversity.unique_answers(drawn.keys.reshape(len(drawn.keys), -1)).value(),
    "distinct": lambda sets, drawn: -diversity.duplicate_rate(drawn.keys.reshape(len(drawn.keys), -1)).value(),
    "effective": lambda sets, drawn: diversity.effective_set_size(drawn.keys.reshape(len(drawn.keys), -1)).value(),
    "set Brier": lambda sets, drawn: -calibration.set_brier(sets).value(),
    "answer Brier": lambda sets, drawn: -calibration.answer_brier(sets).value(),
    "ECE": lambda sets, drawn: -_ece(sets),
    "set calibration": lambda sets, drawn: -_set_calibration_error(sets),
    "mass over one": lambda sets, drawn: -calibration.mass_over_one(sets).value(),
    "tokens": lambda sets, drawn: -(cost.tokens_per_distinct(sets).value() or np.inf),
    "tokens per hit": lambda sets, drawn: -(cost.tokens_per_correct(sets).value() or np.inf),
    "attainable": lambda sets, drawn: attainable.attainable_share(sets).value(),
    "posterior": lambda sets, drawn: attainable.posterior_share(sets).value(),
    "excess": lambda sets, drawn: -attainable.excess_set_brier(sets).value(),
    "excess of confidences": lambda sets, drawn: -attainable.excess_confidence_brier(sets).value(),
}


def _spoiled(drawn, question, index):
    keys, hits, stated = drawn.keys.copy(), drawn.hits.copy(), drawn.confidences.copy()
    truth, valid = drawn.posterior.copy(), drawn.valid.copy()
    keys[question, index], hits[question, index], stated[question, index] = -1, False, 0.0
    truth[question, index], valid[question, index] = 0.0, False
    return replace(drawn, keys=keys, hits=hits, confidences=stated, posterior=truth, valid=valid)


@pytest.mark.parametrize("name", HIGHER_IS_BETTER)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_spoiling_a_generation_of_a_set_never_improves(name, seed):
    rng = np.random.default_rng(seed)
    drawn, truth = make_generations(rng, k=2)
    questions, spoiled = make_questions(truth, 2), _spoiled(drawn, 0, 0)
    score = HIGHER_IS_BETTER[name]
    before = score(generation_sets(drawn, questions), drawn)
    assert score(generation_sets(spoiled, questions), spoiled) <= before + 1e-12


def test_auroc_over_all_is_at_most_that_of_the_valid_ones():
    hits, misses = np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 1.0])
    assert calibration.auroc(hits, misses, 4.0) < calibration.auroc(hits, misses)


@pytest.mark.parametrize("name", ["coverage", "precision", "recall", "set Brier", "answer Brier", "posterior"])
@given(seed=st.integers(0, 2**32 - 1))
def test_over_all_is_never_better_than_valid_only_for_unions(name, seed):
    drawn, truth = make_generations(np.random.default_rng(seed), per_question=4, k=1)
    sets = union_sets(drawn, make_questions(truth, 4))
    functions = {
        "coverage": lambda **form: coverage.coverage_at_k(sets, 4, **form).value(),
        "precision": lambda **form: coverage.precision(sets, **form).value(),
        "recall": lambda **form: coverage.recall(sets, **form).value(),
        "set Brier": lambda **form: -(calibration.set_brier(sets, **form).value() or 0.0),
        "answer Brier": lambda **form: -(calibration.answer_brier(sets, **form).value() or 0.0),
        "posterior": lambda **form: attainable.posterior_share(sets, **form).value(),
    }
    valid = functions[name](valid_only=True)
    assert valid is None or functions[name]() <= valid + 1e-12
