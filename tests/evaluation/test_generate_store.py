from dataclasses import replace

import pytest
from evaluation_world import SeededEngine, make_completions, make_examples, make_key, make_store

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.evaluation import Protocol, Store, generate, gold_digest
from setwise.evaluation.store import question_id

SETS = Protocol("one", Layout(k=3, confidences=True), generations=2)


def _run(path, examples, key, engine):
    questions = [example.question for example in examples]
    return generate(engine, questions, questions, key, path, part_rows=16)


def test_a_store_holds_every_generation_of_every_question_in_order(tmp_path):
    examples = make_examples(40)
    store = make_completions(tmp_path / "a.parquet", examples, SETS)
    rows = [row for table in store.groups() for row in table.select(["question_id", "generation_index"]).to_pylist()]
    assert [(row["question_id"], row["generation_index"]) for row in rows] == [
        (question_id(example.question), index) for example in examples for index in range(2)
    ]


def test_an_interrupted_evaluation_continues_and_equals_an_uninterrupted_one(tmp_path):
    examples, whole, broken = make_examples(40), tmp_path / "whole.parquet", tmp_path / "broken.parquet"
    key = make_key(examples, SETS)
    _run(whole, examples, key, SeededEngine(SETS.layout))
    with pytest.raises(KeyboardInterrupt):
        _run(broken, examples, key, SeededEngine(SETS.layout, stop_after=20))
    assert not broken.exists()
    engine = SeededEngine(SETS.layout)
    _run(broken, examples, key, engine)
    assert engine.asked == 24, "two whole parts of 8 questions were there already"
    assert broken.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.parquet", "whole.parquet"]


def test_a_finished_evaluation_is_not_generated_again(tmp_path):
    examples = make_examples(10)
    store = make_completions(tmp_path / "a.parquet", examples, SETS)
    engine = SeededEngine(SETS.layout)
    _run(store.path, examples, store.key, engine)
    assert engine.asked == 0


def test_a_file_made_by_other_weights_is_refused_and_left_as_it_is(tmp_path):
    examples = make_examples(10)
    store = make_completions(tmp_path / "a.parquet", examples, SETS)
    before = store.path.read_bytes()
    with pytest.raises(InputError, match=r"a\.parquet: made from something else \(weights"):
        _run(store.path, examples, replace(store.key, weights="other"), SeededEngine(SETS.layout))
    assert store.path.read_bytes() == before


def test_parts_of_another_key_are_not_taken_over(tmp_path):
    examples, path = make_examples(20), tmp_path / "a.parquet"
    key = make_key(examples, SETS)
    with pytest.raises(KeyboardInterrupt):
        _run(path, examples, replace(key, weights="other"), SeededEngine(SETS.layout, stop_after=10))
    engine = SeededEngine(SETS.layout)
    _run(path, examples, key, engine)
    assert engine.asked == 20


def test_a_key_of_other_prompts_is_refused_before_anything_is_generated(tmp_path):
    examples = make_examples(5)
    engine = SeededEngine(SETS.layout)
    with pytest.raises(InputError, match="key is of other questions or prompts"):
        questions = [example.question for example in examples]
        generate(engine, questions, ["another"] * 5, make_key(examples, SETS), tmp_path / "a.parquet")
    assert engine.asked == 0


def test_a_truncated_file_is_refused_by_name(tmp_path):
    store = make_store(tmp_path / "a.parquet", make_examples(10), SETS)
    content = store.path.read_bytes()
    store.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.parquet: truncated"):
        Store(store.path)


def test_the_stored_posterior_is_that_of_each_answer(tmp_path):
    examples = make_examples(10)
    truth = {question_id(example.question): dict(example.posterior) for example in examples}
    for table in make_store(tmp_path / "a.parquet", examples, SETS).groups():
        for row in table.to_pylist():
            expected = [] if row["reason"] else [truth[row["question_id"]][answer] for answer in row["answers"]]
            assert row["posterior"] == expected


def test_another_rule_of_matching_is_another_gold():
    examples = make_examples(3)
    assert gold_digest(examples) != gold_digest([replace(example, match="text") for example in examples])
