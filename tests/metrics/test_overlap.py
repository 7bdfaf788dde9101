import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.metrics.overlap import (
    MOST_PAIRS,
    mean_overlap,
    ngram_overlap,
    pair_overlaps,
    question_overlaps,
    rouge_l,
    shared_spans,
    words,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


def _lcs(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


def test_words_leave_out_tags_case_and_punctuation():
    assert words("<think> So, it IS. </think> <answer12> Flu! </answer12>") == ["so", "it", "is", "flu"]


@given(TEXTS, TEXTS)
def test_rouge_l_is_that_of_the_longest_common_subsequence(a, b):
    expected = None if not a or not b else 2 * _lcs(a, b) / (len(a) + len(b))
    assert rouge_l(a, b) == expected


@given(TEXTS, TEXTS)
def test_ngram_overlap_is_symmetric_and_one_only_for_the_same_ngrams(a, b):
    overlap = ngram_overlap(a, b, 3)
    assert overlap == ngram_overlap(b, a, 3)
    if overlap is not None:
        grams = [{tuple(text[i : i + 3]) for i in range(len(text) - 2)} for text in (a, b)]
        assert (overlap == 1.0) == (grams[0] == grams[1])


def test_a_text_repeats_itself_wholly():
    assert pair_overlaps("one two three four five", "One two, three four five.").tolist() == [1.0] * 4


def test_too_short_a_text_has_no_ngrams_and_no_overlap_of_them():
    overlaps = pair_overlaps("one two", "one two")
    assert np.isnan(overlaps[:2]).all()
    assert overlaps[2:].tolist() == [1.0, 1.0]


def test_each_generation_is_in_one_pair_at_most_and_pairs_are_bounded():
    texts = [[f"w{i // 2} x y z" for i in range(40)]]
    pairs = question_overlaps(texts, np.ones((1, 40), dtype=bool))
    assert pairs.shape == (1, MOST_PAIRS, 4)
    assert (pairs == 1.0).all()


def test_a_pair_with_an_invalid_generation_overlaps_wholly_over_all_and_is_left_out_else():
    valid = np.array([[True, True, True, False]])
    pairs = question_overlaps([["a b c", "d e f", "g h i", "j k l"]], valid)[:, :, 0]
    assert mean_overlap(pairs, valid).value() == pytest.approx(0.5)
    assert mean_overlap(pairs, valid, valid_only=True).value() == 0.0


def test_one_generation_has_no_overlap():
    valid = np.ones((2, 1), dtype=bool)
    assert mean_overlap(question_overlaps([["a"], ["b"]], valid)[:, :, 0], valid).value() is None


def test_shared_spans_cut_out_the_words_of_common_trigrams():
    first, second = "it is so, Fever and cough", "<think> fever and cough it is </think>"
    spans = shared_spans(first, second)
    assert [first[start:end] for start, end in spans[0]] == ["Fever and cough"]
    assert [second[start:end] for start, end in spans[1]] == ["fever and cough"]
