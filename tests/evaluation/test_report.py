import json

import pytest
from world import make_examples, make_key, make_store

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.evaluation import Protocol, summarise

SETS = Protocol("one", Layout(k=3, confidences=True))
UNION = Protocol("sample-6", Layout(k=1), generations=6, union=True)


@pytest.mark.parametrize("protocol", [SETS, UNION, Protocol("one", Layout(k=3), generations=3)])
def test_a_report_is_json_without_nan(tmp_path, protocol):
    examples = make_examples(30)
    store = make_store(tmp_path / "a.parquet", examples, protocol)
    report = summarise(store.path, examples, n_resamples=200)
    assert json.loads(json.dumps(report, allow_nan=False))["n_questions"] == 30


def test_what_is_undefined_has_a_reason_and_what_is_defined_has_none(tmp_path):
    examples = make_examples(30)
    store = make_store(tmp_path / "a.parquet", examples, Protocol("one", Layout(k=3)))
    entries = summarise(store.path, examples, n_resamples=200)["metrics"]
    assert entries["ece_width"]["value"] is None
    assert "no confidences" in entries["ece_width"]["reason"]
    assert all((entry["value"] is None) == (entry["reason"] is not None) for entry in entries.values())


def test_every_interval_is_in_order(tmp_path):
    examples = make_examples(60)
    store = make_store(tmp_path / "a.parquet", examples, UNION)
    for name, entry in summarise(store.path, examples, n_resamples=500)["metrics"].items():
        if entry["value"] is not None:
            assert entry["lo"] <= entry["hi"], name


def test_one_question_has_values_and_no_intervals(tmp_path):
    examples = make_examples(1)
    entry = summarise(make_store(tmp_path / "a.parquet", examples, UNION).path, examples)["metrics"]["valid_rate"]
    assert entry["value"] is not None
    assert (entry["lo"], entry["hi"], entry["reason"]) == (None, None, "no interval: one question")


def test_a_file_of_other_questions_is_refused(tmp_path):
    store = make_store(tmp_path / "a.parquet", make_examples(10), SETS)
    with pytest.raises(InputError, match=r"a\.parquet: holds 10 rows of 10 questions, 0 of them among the 12"):
        summarise(store.path, make_examples(12, seed=1))


def test_a_file_of_another_k_is_refused_where_a_key_is_expected(tmp_path):
    examples = make_examples(10)
    store = make_store(tmp_path / "a.parquet", examples, SETS)
    expected = make_key(examples, Protocol("one", Layout(k=5, confidences=True)))
    with pytest.raises(InputError, match=r"'k': 3.*'k': 5"):
        summarise(store.path, examples, expected)
