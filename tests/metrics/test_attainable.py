from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_arrays import make_generations, make_questions

from setwise.metrics import generation_sets
from setwise.metrics.attainable import (
    best_hits,
    best_set_briers,
    excess_confidence_brier,
    excess_set_brier,
    posterior_share,
)

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, k=st.integers(1, 4))
def test_no_set_of_k_answers_holds_more_of_the_posterior(seed, k):
    p = np.random.default_rng(seed).dirichlet(np.ones(6))
    assert best_hits(p, k) == pytest.approx(max(sum(chosen) for chosen in combinations(p, k)))


def test_answers_beyond_the_posterior_add_nothing():
    assert best_hits([0.5, 0.5], 4) == 1.0
    assert best_set_briers([0.5, 0.5], 4).tolist() == pytest.approx([0.0, 0.25, 0.25, 0.5 / 3, 0.125])


@given(seed=SEEDS)
def test_stating_the_posterior_on_the_best_set_leaves_no_excess(seed):
    truth = np.sort(np.random.default_rng(seed).dirichlet(np.ones(6), size=3), axis=1)[:, ::-1]
    drawn, _ = make_generations(np.random.default_rng(seed), n_questions=3, per_question=1, valid=1.0)
    drawn.posterior[:] = drawn.confidences[:] = truth[:, None, :2]
    sets = generation_sets(drawn, make_questions(truth, 2))
    assert posterior_share(sets).value() == pytest.approx(1.0)
    assert excess_set_brier(sets).value() == pytest.approx(0.0, abs=1e-12)
    assert excess_confidence_brier(sets).value() == 0.0


@given(seed=SEEDS)
def test_the_excess_of_confidences_is_what_gold_drawn_from_the_posterior_would_show(seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(4))[:2], rng.random(2)
    drawn, _ = make_generations(rng, n_questions=1, per_question=1, valid=1.0)
    drawn.posterior[:], drawn.confidences[:] = p, q
    sets = generation_sets(drawn, make_questions(np.array([[*p, 1 - p.sum()]]), 2))
    outcomes = [(p[0], [1, 0]), (p[1], [0, 1]), (1 - p.sum(), [0, 0])]
    expected = sum(chance * (((q - h) ** 2).mean() - ((p - h) ** 2).mean()) for chance, h in outcomes)
    assert excess_confidence_brier(sets).value() == pytest.approx(expected, abs=1e-12)
