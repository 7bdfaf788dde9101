"""Files and data that cannot be judged as they are: a clear message or a defined value, never NaN."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluation_world import SeededEngine, make_examples, make_key, make_store, make_verdicts

from setwise.answers import Layout
from setwise.engines import Completion
from setwise.errors import InputError
from setwise.evaluation import Protocol, Store, StoreKey, generate, summarise
from setwise.evaluation.store import write_rows

SETS = Protocol("one", Layout(k=3, confidences=True), generations=2)


class Saying:
    """An engine that says the same to every prompt."""

    name, device = "saying", "cpu"

    def __init__(self, text):
        self.text = text

    def generate(self, prompts, sampling):
        for _ in prompts:
            yield [Completion(self.text, 3, True)] * sampling.n


def _report(path, examples, text, protocol):
    make_verdicts(Saying(text), examples, make_key(examples, protocol), path)
    return summarise(path, examples, n_resamples=100)


def test_no_valid_completion_is_the_worst_over_all_and_undefined_among_valid_ones(tmp_path):
    metrics = _report(tmp_path / "a.parquet", make_examples(20), "nothing", SETS)["metrics"]
    worst = {"valid_rate": 0.0, "coverage_at_3": 0.0, "set_brier": 1.0, "ece_width": 1.0, "duplicate_rate": 1.0}
    assert {name: metrics[name]["value"] for name in worst} == worst
    valid_only = [entry for name, entry in metrics.items() if name.endswith("_valid")]
    assert all(entry["value"] is None and entry["reason"] for entry in valid_only)


@pytest.mark.parametrize("answer", ["right", "wrong"])
def test_auroc_of_answers_that_are_all_right_or_all_wrong_is_undefined_with_a_reason(tmp_path, answer):
    examples = [replace(e, gold=(("right",),), posterior=()) for e in make_examples(10)]
    text = f"<think> </think> <answer> {answer} </answer> <confidence> 0.5 </confidence>"
    entry = _report(tmp_path / "a.parquet", examples, text, Protocol("one", Layout(1, True)))["metrics"]["auroc"]
    assert entry["value"] is None
    assert "all right or all wrong" in entry["reason"]


def test_questions_without_a_posterior_have_no_attainable_figures(tmp_path):
    examples = [replace(example, posterior=()) for example in make_examples(20)]
    metrics = summarise(make_store(tmp_path / "a.parquet", examples, SETS).path, examples, n_resamples=100)["metrics"]
    for name in ("attainable_share", "posterior_share", "excess_set_brier"):
        assert metrics[name]["value"] is None
        assert "known" in metrics[name]["reason"] or "posterior" in metrics[name]["reason"]


def test_a_valid_row_of_another_k_than_the_key_says_is_refused_by_name(tmp_path):
    examples = make_examples(6)
    store = make_store(tmp_path / "a.parquet", examples, SETS)
    key = replace(store.key, protocol=replace(SETS, layout=Layout(k=2, confidences=True)))
    write_rows(tmp_path / "b.parquet", key, store.groups(), store.gold)
    with pytest.raises(InputError, match=r"b\.parquet: a valid row whose \w+ are not 2"):
        summarise(tmp_path / "b.parquet", examples)


def test_missing_generations_are_refused(tmp_path):
    examples = make_examples(6)
    store = make_store(tmp_path / "a.parquet", examples, SETS)
    rows = (table.slice(0, len(table) - 1) for table in store.groups())
    write_rows(tmp_path / "b.parquet", store.key, rows, store.gold)
    with pytest.raises(InputError, match=r"b\.parquet: holds 11 rows of 6 questions, 6 of them among the 6"):
        summarise(tmp_path / "b.parquet", examples)


def test_a_row_group_that_is_damaged_is_refused_by_name(tmp_path):
    examples = make_examples(6)
    path = make_store(tmp_path / "a.parquet", examples, SETS).path
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"a\.parquet: row group 0 is damaged"):
        summarise(path, examples)


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: not a file of completions"):
        Store(tmp_path / "x.parquet")


def test_a_missing_file_is_refused_with_what_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"none\.parquet: no such file; `dvc repro` makes those of generate@METHOD"):
        Store(tmp_path / "none.parquet")


def test_no_questions_is_refused(tmp_path):
    with pytest.raises(InputError, match="no questions"):
        generate(SeededEngine(SETS.layout), [], [], make_key([], SETS), tmp_path / "a.parquet")


def test_a_key_survives_being_written():
    key = make_key(make_examples(3), SETS)
    assert StoreKey.from_json(key.to_json()) == key
    assert json.loads(key.to_json())["protocol"]["layout"]["k"] == 3
