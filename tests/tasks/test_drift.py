import random

import pytest

from setwise.domains import Example
from tasks.drift import compare, label_drift, length_drift


def examples(labels: list[str], lengths: list[int] | None = None, word: str = "w") -> list[Example]:
    lengths = lengths or [5] * len(labels)
    return [
        Example("qa", " ".join([word] * length), ((label,),), "text", True, {})
        for label, length in zip(labels, lengths, strict=True)
    ]


def found(drifts) -> dict[str, bool]:
    return {drift.what: drift.drifted for drift in drifts}


def test_a_version_does_not_drift_from_itself():
    same = examples(["a", "b"] * 50, [3, 9] * 50)
    assert not any(found(compare(same, same)).values())


def test_two_draws_from_one_source_do_not_drift():
    draw = random.Random(0)
    one, other = (examples(draw.choices("abcd", k=2000), [draw.randint(5, 40) for _ in range(2000)]) for _ in range(2))
    assert not any(found(compare(one, other)).values())


def test_shifted_labels_are_found_and_nothing_else():
    drifts = found(compare(examples(["a", "b"] * 50), examples(["a"] * 90 + ["b"] * 10)))
    assert drifts == {
        "labels": True,
        "question lengths": False,
        "labels never seen before": False,
        "words never seen before": False,
    }


def test_longer_questions_are_found():
    drifts = found(compare(examples(["a"] * 50, [5] * 50), examples(["a"] * 50, [50] * 50)))
    assert drifts["question lengths"]
    assert not drifts["labels"]


def test_labels_and_words_never_seen_are_found():
    drifts = found(compare(examples(["a"] * 50), examples(["z"] * 50, word="new")))
    assert drifts["labels never seen before"]
    assert drifts["words never seen before"]


def test_the_drift_of_labels_is_half_the_sum_of_the_differences_of_their_shares():
    drift = label_drift(["a"] * 30 + ["b"] * 10, ["a"] * 100 + ["b"] * 300, 0.1)
    assert drift.value == pytest.approx(0.5)
    assert drift.drifted


def test_a_small_release_of_one_label_is_found_beside_a_large_version_of_many():
    current = [f"label {n % 12}" for n in range(40_000)]
    assert label_drift(current, ["label 0"] * 50, 0.1).drifted


@pytest.mark.parametrize("rows", [5, 50, 500])
def test_a_small_release_drawn_from_a_large_version_does_not_drift(rows):
    draw = random.Random(rows)
    current = [f"label {n % 12}" for n in range(40_000)]
    assert not label_drift(current, draw.choices(current, k=rows), 0.1).drifted


def test_many_rare_labels_make_no_drift_by_themselves():
    current = [f"rare {n}" for n in range(500)] + ["common"] * 500
    new = [f"rare {n}" for n in range(500, 1000)] + ["common"] * 500
    assert not label_drift(current, new, 0.1).drifted


def test_the_distance_of_lengths_is_the_largest_gap():
    assert length_drift([1, 2, 3, 4], [3, 4, 5, 6], 0.1).value == pytest.approx(0.5)


def test_an_empty_version_cannot_be_compared():
    with pytest.raises(ValueError, match="at least one row"):
        compare([], examples(["a"]))
