from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_arrays import make_generations, make_questions

from setwise.metrics import generation_sets
from setwise.metrics.coverage import coverage_at_k, pass_at_k, pass_at_k_estimate, recall


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(case):
    n, c, k = case
    outcomes = [1] * c + [0] * (n - c)
    draws = list(combinations(outcomes, k))
    expected = sum(any(draw) for draw in draws) / len(draws)
    assert pass_at_k_estimate(np.array([n]), np.array([c]), k)[0] == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_exact_for_thirty_generations():
    assert pass_at_k_estimate(np.array([30]), np.array([1]), 10)[0] == pytest.approx(1 / 3, abs=1e-12)


def test_a_question_with_too_few_valid_generations_does_not_count_in_the_valid_form():
    hits = np.array([[[True], [False], [False]], [[True], [True], [False]]])
    valid = np.array([[True, False, False], [True, True, True]])
    ratio = pass_at_k(hits, valid, 2, valid_only=True)
    assert ratio.denominator.tolist() == [0.0, 1.0]


def test_coverage_takes_the_surest_answers_first():
    drawn, truth = make_generations(np.random.default_rng(1), valid=1.0, k=3)
    sets = generation_sets(drawn, make_questions(truth, 3))
    first = np.take_along_axis(sets.hits, sets.confidences.argmax(axis=1)[:, None], 1)[:, 0]
    assert coverage_at_k(sets, 1).numerator.tolist() == first.astype(float).tolist()


def test_recall_is_at_most_one_where_any_right_program_is_a_hit():
    drawn, truth = make_generations(np.random.default_rng(1), n_questions=1, per_question=1, valid=1.0)
    drawn.hits[:] = True
    assert recall(generation_sets(drawn, make_questions(truth, 2))).value() == 1.0


def test_no_valid_completion_is_zero_over_all_and_undefined_among_valid_ones():
    drawn, truth = make_generations(np.random.default_rng(1), valid=0.0)
    sets = generation_sets(drawn, make_questions(truth, 2))
    assert coverage_at_k(sets, 2).value() == 0.0
    assert coverage_at_k(sets, 2, valid_only=True).value() is None
