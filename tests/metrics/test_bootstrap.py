import numpy as np
import pytest

from setwise.metrics.bootstrap import draws, intervals


def _mean(sums):
    return sums[0] / sums[1]


def test_every_resample_draws_as_many_questions_as_there_are():
    counts = np.concatenate(list(draws(50, 300, seed=0)))
    assert counts.shape == (300, 50)
    assert set(counts.sum(axis=1)) == {50.0}


def test_draws_do_not_depend_on_how_they_are_blocked(monkeypatch):
    whole = np.concatenate(list(draws(40, 100, seed=3)))
    monkeypatch.setattr("setwise.metrics.bootstrap._CELLS", 40 * 7)
    assert (np.concatenate(list(draws(40, 100, seed=3))) == whole).all()


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(size=(2000, 1))
    found = intervals([values, np.ones((2000, 1))], _mean, n_resamples=4000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert found.lo[0] == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.hi[0] == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_repeated_generations_of_a_question_do_not_narrow_the_interval():
    values = np.random.default_rng(0).normal(size=(200, 1))
    once = intervals([values, np.ones((200, 1))], _mean)
    repeated = intervals([values * 10, np.full((200, 1), 10.0)], _mean)
    assert repeated.lo[0] == pytest.approx(once.lo[0], abs=1e-12)


def test_a_paired_difference_of_equal_shifts_has_no_width():
    values = np.random.default_rng(0).normal(size=(100, 1))
    found = intervals([values, values + 0.5, np.ones((100, 1))], lambda sums: (sums[1] - sums[0]) / sums[2])
    assert (found.lo[0], found.hi[0]) == pytest.approx((0.5, 0.5))


def test_one_question_has_no_interval():
    found = intervals([np.ones((1, 1)), np.ones((1, 1))], _mean)
    assert np.isnan(found.lo[0])


@pytest.mark.parametrize(("defined", "has_interval"), [(1, False), (20, True)])
def test_a_statistic_rarely_defined_has_no_interval(defined, has_interval):
    counted = np.zeros((60, 1))
    counted[:defined] = 1.0
    values = counted * np.arange(60.0)[:, None]

    def ratio(sums):
        return np.divide(sums[0], sums[1], out=np.full(sums[0].shape, np.nan), where=sums[1] >= 2)

    assert np.isfinite(intervals([values, counted], ratio).lo[0]) == has_interval


def test_the_basic_interval_is_the_percentile_one_mirrored_about_the_value():
    values = np.random.default_rng(0).exponential(size=(100, 1))
    columns = [values, np.ones((100, 1))]
    plain, mirrored = intervals(columns, _mean), intervals(columns, _mean, biased=np.array([True]))
    assert mirrored.lo[0] == pytest.approx(2 * values.mean() - plain.hi[0])
    assert mirrored.hi[0] == pytest.approx(2 * values.mean() - plain.lo[0])
