import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_arrays import make_generations, make_questions

from setwise.metrics import Ratio, generation_sets, union_sets
from setwise.metrics.scaling import by_number_of_answers

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS)
def test_a_union_holds_each_answer_once_the_surest_first(seed):
    drawn, truth = make_generations(np.random.default_rng(seed), per_question=5, k=1)
    sets = union_sets(drawn, make_questions(truth, 5))
    for q, size in enumerate(sets.size):
        assert size == len(set(drawn.keys[q, drawn.valid[q], 0]))
        assert (np.diff(sets.confidences[q, :size]) <= 0).all()


def test_the_confidence_of_a_union_is_the_mean_of_what_its_samples_stated():
    drawn, truth = make_generations(np.random.default_rng(0), n_questions=1, per_question=3, k=1, valid=1.0)
    drawn.keys[0, :, 0], drawn.confidences[0, :, 0] = [4, 2, 4], [0.2, 0.5, 0.6]
    assert union_sets(drawn, make_questions(truth, 3)).confidences[0].tolist() == pytest.approx([0.5, 0.4, 0.0])


def test_equal_confidences_have_that_confidence_as_their_mean_and_keep_the_order_drawn():
    drawn, truth = make_generations(np.random.default_rng(0), n_questions=1, per_question=4, k=1, valid=1.0)
    drawn.keys[0, :, 0], drawn.confidences[0, :, 0] = [4, 4, 4, 2], 0.7
    drawn.hits[0, :, 0] = [True, True, True, False]
    sets = union_sets(drawn, make_questions(truth, 4))
    assert sets.confidences[0].tolist() == [0.7, 0.7, 0.0, 0.0]
    assert sets.hits[0].tolist() == [True, False, False, False]


def test_without_confidences_it_is_the_share_of_the_valid_samples():
    drawn, truth = make_generations(np.random.default_rng(0), n_questions=1, per_question=4, k=1, confidences=False)
    drawn.keys[0, :, 0], drawn.valid[0] = [4, 2, 4, -1], [True, True, True, False]
    assert union_sets(drawn, make_questions(truth, 4)).confidences[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])


def test_a_union_of_sets_is_refused():
    drawn, truth = make_generations(np.random.default_rng(0), k=2)
    with pytest.raises(ValueError, match="single answers, not of sets of 2"):
        union_sets(drawn, make_questions(truth, 2))


def test_sums_by_question_keep_the_value():
    drawn, truth = make_generations(np.random.default_rng(0))
    sets = generation_sets(drawn, make_questions(truth, 2))
    ratio = Ratio(sets.hits.sum(axis=1).astype(float), sets.size.astype(float))
    assert ratio.by_question(sets.question, 6).value() == pytest.approx(ratio.value())


@given(seed=SEEDS)
def test_the_last_point_of_a_curve_counts_all_answers(seed):
    drawn, _ = make_generations(np.random.default_rng(seed), per_question=4, k=2)
    covered, correct, unique, tokens = by_number_of_answers(drawn, 30)[:, :, -1].T
    for q in range(len(drawn.keys)):
        held = set(drawn.keys[q].ravel()) - {-1}
        assert (covered[q], correct[q], unique[q]) == (0 in held, 0 in held, len(held))
        assert tokens[q] == drawn.tokens[q].sum()


@given(seed=SEEDS)
def test_no_curve_falls(seed):
    drawn, _ = make_generations(np.random.default_rng(seed), per_question=4, k=3)
    assert (np.diff(by_number_of_answers(drawn, 30), axis=2) >= 0).all()


def test_curves_end_at_the_most_answers_asked_for():
    drawn, _ = make_generations(np.random.default_rng(0), per_question=20, k=2)
    assert by_number_of_answers(drawn, 30).shape == (6, 4, 30)
