"""A completion without a verdict is in no metric that rests on one: as if it had not been drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judged_arrays import make_generations, make_questions

from setwise.metrics import calibration, cost, coverage, diversity, generation_sets, scaling, union_sets

SETS = {
    "coverage": lambda sets: coverage.coverage_at_k(sets, 1),
    "correct": lambda sets: coverage.correct_at_k(sets, 1),
    "precision": coverage.precision,
    "recall": coverage.recall,
    "set_brier": calibration.set_brier,
    "answer_brier": calibration.answer_brier,
    "mass_over_one": calibration.mass_over_one,
    "tokens": cost.tokens_per_question,
    "tokens_per_correct": cost.tokens_per_correct,
}


@pytest.fixture
def drawn():
    """Three generations for each question, and the same with a fourth, without a verdict, in between."""
    three, truth = make_generations(np.random.default_rng(3), per_question=3, k=1)
    at = np.arange(6) % 4
    where = np.arange(4) == at[:, None]

    def widen(values, filler):
        wide = np.full((6, 4, *values.shape[2:]), filler, dtype=values.dtype)
        wide[~where] = values.reshape(-1, *values.shape[2:])
        return wide

    four = replace(
        three,
        keys=widen(three.keys, 0),
        hits=widen(three.hits, False),
        confidences=widen(three.confidences, 1.0),
        posterior=widen(three.posterior, 0.0),
        valid=widen(three.valid, True),
        tokens=widen(three.tokens, 99),
        undecided=where,
    )
    return three, four, make_questions(truth, 3)


@pytest.mark.parametrize("sets_of", [generation_sets, union_sets])
@pytest.mark.parametrize("metric", SETS.values(), ids=SETS.keys())
def test_it_is_left_out_of_sets(drawn, metric, sets_of):
    three, four, questions = drawn
    assert metric(sets_of(four, questions)).value() == metric(sets_of(three, questions)).value()


def test_it_is_left_out_of_rates_and_pass_at_k(drawn):
    three, four, _ = drawn
    assert coverage.valid_rate(four.valid, four.decided).value() == coverage.valid_rate(three.valid).value()
    assert coverage.undecided_rate(four.decided).value() == 0.25 and coverage.undecided_rate(three.decided).value() == 0
    for k in (1, 2, 3):
        for valid_only in (True, False):
            with_it = coverage.pass_at_k(four.hits, four.valid, k, valid_only=valid_only, decided=four.decided)
            assert with_it.value() == coverage.pass_at_k(three.hits, three.valid, k, valid_only=valid_only).value()
    assert coverage.pass_at_k(four.hits, four.valid, 4, decided=four.decided).value() is None


@pytest.mark.parametrize("metric", [diversity.unique_answers, diversity.duplicate_rate, diversity.effective_set_size])
@pytest.mark.parametrize("valid_only", [True, False])
def test_it_is_left_out_of_diversity(drawn, metric, valid_only):
    three, four, _ = drawn
    keys = np.where(four.decided[:, :, None], four.keys, diversity.LEFT_OUT).reshape(6, -1)
    assert (
        metric(keys, valid_only=valid_only).value() == metric(three.keys.reshape(6, -1), valid_only=valid_only).value()
    )


def test_the_next_generation_takes_its_place_in_the_curves(drawn):
    three, four, _ = drawn
    assert np.array_equal(scaling.by_number_of_answers(four, 3), scaling.by_number_of_answers(three, 3))


def test_a_question_without_any_verdict_counts_nowhere(drawn):
    three, _, questions = drawn
    undecided = np.zeros((6, 3), dtype=bool)
    undecided[0] = True
    some = replace(three, undecided=undecided)
    assert 0 not in union_sets(some, questions).question and 0 not in generation_sets(some, questions).question
