import json
import re

import pyarrow as pa
import pytest
from evaluation_world import make_examples, make_store

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.evaluation import Protocol, Store, summarise
from setwise.evaluation.report import LEVELS
from setwise.evaluation.store import write_rows
from setwise.metrics.catalogue import metric

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


def test_the_row_groups_of_a_file_do_not_change_its_report(tmp_path):
    examples, protocol = make_examples(40), Protocol("one", Layout(k=3, confidences=True), generations=4)
    store = make_store(tmp_path / "many.parquet", examples, protocol)
    whole = pa.concat_tables(store.groups())
    write_rows(tmp_path / "one.parquet", store.key, [whole], store.gold)
    assert store.n_groups == 10
    many, one = (summarise(tmp_path / name, examples, n_resamples=200) for name in ("many.parquet", "one.parquet"))
    assert _numbers(many) == pytest.approx(_numbers(one), rel=0, abs=1e-9)


def test_the_histogram_counts_every_question_once(tmp_path):
    examples = make_examples(30)
    histogram = summarise(make_store(tmp_path / "a.parquet", examples, UNION).path, examples, n_resamples=100)[
        "unique_histogram"
    ]
    assert sum(histogram["questions"]) == 30
    assert len(histogram["unique"]) == len(histogram["questions"]) == 7


def test_reliability_bins_hold_every_valid_answer_and_what_they_state_lies_within_them(tmp_path):
    examples = make_examples(60)
    report = summarise(make_store(tmp_path / "a.parquet", examples, SETS).path, examples, n_resamples=100)
    invalid = sum(report["invalid"]["reasons"].values())
    for kind in ("reliability", "mass"):
        bins = report["calibration"][kind]
        assert sum(cell["n"] for cell in bins) == 3 * (60 - invalid)
        assert all(cell["from"] - 1e-9 <= cell["stated"] <= cell["to"] + 1e-9 for cell in bins)
    assert report["calibration"]["invalid_answers"] == 3 * invalid


def test_the_highlighted_pair_is_of_one_question_and_its_spans_are_within_its_texts(tmp_path):
    examples = make_examples(40)
    pair = summarise(make_store(tmp_path / "a.parquet", examples, UNION).path, examples, n_resamples=100)[
        "highlighted_pair"
    ]
    assert pair["question_id"] in {example.id for example in examples}
    for text, spans in zip(pair["texts"], pair["shared"], strict=True):
        assert all(0 <= start < end <= len(text) for start, end in spans)


def test_every_metric_name_is_known_to_the_catalogue_and_fit_for_tracking(tmp_path):
    examples = make_examples(20)
    metrics = summarise(make_store(tmp_path / "a.parquet", examples, UNION).path, examples, n_resamples=100)["metrics"]
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in metrics)
    assert {metric(name).better for name in metrics} <= {"higher", "lower", None}


def test_auroc_is_exact_where_its_resamples_group_confidences(tmp_path):
    protocol = Protocol("sample-30", Layout(k=1, confidences=True), generations=30, union=True)
    examples = make_examples(60)
    path = make_store(tmp_path / "a.parquet", examples, protocol).path
    stated, hits = [], []
    for rows in (Store(path).read_question(i) for i in range(60)):
        by_key = {}
        for row in rows:
            if row["reason"] is None:
                by_key.setdefault(row["keys"][0], []).append((row["confidences"][0], row["hits"][0]))
        stated += [round(sum(q for q, _ in given) / len(given), 12) for given in by_key.values()]
        hits += [given[0][1] for given in by_key.values()]
    assert len(set(stated)) > LEVELS
    right, wrong = ([q for q, h in zip(stated, hits, strict=True) if h == kind] for kind in (1, 0))
    pairs = [(q > other) + (q == other) / 2 for q in right for other in wrong]
    entry = summarise(path, examples, n_resamples=200)["metrics"]["auroc_valid"]
    assert entry["value"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-9)
    assert entry["lo"] < entry["value"] < entry["hi"]


def _numbers(report):
    entries = {name: entry for name, entry in report["metrics"].items() if entry["value"] is not None}
    return {f"{name} {part}": entry[part] for name, entry in entries.items() for part in ("value", "lo", "hi")}
