import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.metrics.diversity import duplicate_rate, effective_set_size, first_occurrences, unique_answers

ROWS = st.lists(st.lists(st.integers(-1, 4), min_size=7, max_size=7), min_size=1, max_size=5)


@given(ROWS)
def test_first_occurrences_are_what_a_loop_finds(rows):
    expected = [[key >= 0 and key not in row[:i] for i, key in enumerate(row)] for row in rows]
    assert first_occurrences(np.array(rows)).tolist() == expected


@given(ROWS)
def test_unique_and_duplicates_add_up_to_the_answers(rows):
    keys = np.array(rows)
    unique, repeated = unique_answers(keys), duplicate_rate(keys)
    assert (unique.numerator + repeated.numerator).tolist() == [7.0] * len(rows)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([0, 1, 2, 3], 4.0),
        ([2, 2, 2, 2], 1.0),
        ([0, 0, 1, 1], 2.0),
        ([0, 0, 0, 1], 4 / 3**0.75),
        ([0, 0, 1, -1], 4 / 3**0.75),
        ([-1, -1, -1, -1], 0.0),
    ],
)
def test_the_effective_size_is_the_exponential_of_the_entropy(keys, expected):
    assert effective_set_size(np.array([keys])).value() == pytest.approx(expected, abs=1e-12)


def test_the_effective_size_of_valid_answers_ignores_those_not_given():
    assert effective_set_size(np.array([[0, 1, -1, -1]]), valid_only=True).value() == pytest.approx(2.0)
