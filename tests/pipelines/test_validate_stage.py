"""Stage `validate`: every kind of damage is named by expectation, column and rows; a failure changes nothing."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from smoke_workspace import Workspace

from setwise.domains import Example
from setwise.domains.parquet import read_examples, write_examples

Harm = Callable[[list[Example], list[Example]], list[Example]]
"""(train, test) → the train split with something wrong in it."""


@pytest.fixture(scope="module")
def made(warm_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return warm_workspace.copy(tmp_path_factory.mktemp("made") / "workspace")


@pytest.fixture
def train_split(made: Workspace) -> Iterator[Path]:
    """The training split, put back as it was after the test."""
    path = made.root / "data" / "clinic" / "train.parquet"
    whole = path.read_bytes()
    yield path
    path.write_bytes(whole)


def complaint(workspace: Workspace) -> str:
    before = {k: v for k, v in workspace.outputs().items() if "failed_data_docs" not in k}
    error = workspace.run("validate").error
    assert {k: v for k, v in workspace.outputs().items() if "failed_data_docs" not in k} == before
    return error


HARMS: dict[str, tuple[Harm, str, str]] = {
    "duplicate": (lambda train, _: [*train[:-1], train[0]], "expect_column_values_to_be_unique", "id"),
    "in both splits": (
        lambda train, test: [*train[:-1], test[0]],
        "expect_column_values_to_be_null",
        "known_in",
    ),
    "empty gold": (
        lambda train, _: [replace(train[0], gold=()), *train[1:]],
        "expect_column_values_to_be_between",
        "gold_answers",
    ),
    "blank gold": (
        lambda train, _: [replace(train[0], gold=((" ",),)), *train[1:]],
        "expect_column_values_to_be_in_set",
        "gold_is_text",
    ),
    "gold outside the vocabulary": (
        lambda train, _: [replace(train[0], gold=(("nosuchitis",),)), *train[1:]],
        "expect_column_values_to_be_null",
        "gold_outside_vocabulary",
    ),
    "posterior": (
        lambda train, _: [replace(train[0], posterior=tuple((a, p / 2) for a, p in train[0].posterior)), *train[1:]],
        "expect_column_values_to_be_between",
        "posterior_total",
    ),
    "probability": (
        lambda train, _: [replace(train[0], posterior=(("a", 1.5), ("b", -0.5))), *train[1:]],
        "expect_column_values_to_be_in_set",
        "posterior_in_range",
    ),
    "empty question": (
        lambda train, _: [replace(train[0], question=""), *train[1:]],
        "expect_column_values_to_be_between",
        "letters_and_digits",
    ),
    "a posterior of unknown names": (
        lambda train, _: [replace(train[0], posterior=(("nosuchitis", 1.0),)), *train[1:]],
        "expect_column_values_to_be_null",
        "posterior_outside_vocabulary",
    ),
    "a posterior with one answer twice": (
        lambda train, _: [replace(train[0], posterior=((train[0].gold[0][0], 0.5),) * 2), *train[1:]],
        "expect_column_values_to_be_in_set",
        "posterior_has_no_answer_twice",
    ),
    "no posterior": (
        lambda train, _: [replace(train[0], posterior=()), *train[1:]],
        "expect_column_values_to_be_in_set",
        "gold_in_posterior",
    ),
    "a posterior of no numbers": (
        lambda train, _: [replace(train[0], posterior=((train[0].gold[0][0], float("nan")),)), *train[1:]],
        "expect_column_values_to_be_in_set",
        "posterior_in_range",
    ),
    "two answers where one is true": (
        lambda train, _: [replace(train[0], gold=tuple((a,) for a, _ in train[0].posterior[:2])), *train[1:]],
        "expect_column_values_to_be_between",
        "gold_answers",
    ),
    "an answer twice": (
        lambda train, _: [replace(train[0], gold=train[0].gold * 2), *train[1:]],
        "expect_column_values_to_be_in_set",
        "gold_has_no_answer_twice",
    ),
    "another matcher": (
        lambda train, _: [replace(train[0], match="nonsense"), *train[1:]],
        "expect_column_values_to_be_in_set",
        "match",
    ),
    "another domain": (
        lambda train, _: [replace(train[0], domain="mbpp"), *train[1:]],
        "expect_column_values_to_be_in_set",
        "domain",
    ),
    "another exclusiveness": (
        lambda train, _: [replace(train[0], exclusive=False), *train[1:]],
        "expect_column_values_to_be_in_set",
        "exclusive",
    ),
    "blank question": (
        lambda train, _: [replace(train[0], question=" \n"), *train[1:]],
        "expect_column_values_to_be_between",
        "letters_and_digits",
    ),
    "a rule of the domain": (
        lambda train, _: [replace(train[0], question="A real patient."), *train[1:]],
        "expect_column_values_to_be_in_set",
        "marked_as_invented",
    ),
}


@pytest.mark.parametrize("kind", HARMS)
def test_damage_is_named_by_expectation_column_and_rows(kind: str, made: Workspace, train_split: Path) -> None:
    harm, expectation, column = HARMS[kind]
    train = read_examples(train_split)
    harmed = harm(train, read_examples(train_split.with_name("test.parquet")))
    write_examples(train_split, harmed)
    error = complaint(made)
    assert f"train.parquet: {expectation} failed on column {column} in " in error
    (row,) = {i for i, (a, b) in enumerate(zip(train, harmed, strict=True)) if a != b}
    assert f"row {row} (id {harmed[row].id})" in error
    assert "mend the data or params.yaml: domain, then run `dvc repro`" in error


def test_one_answer_to_all_questions_is_named(made: Workspace, train_split: Path) -> None:
    train = read_examples(train_split)
    write_examples(train_split, [replace(e, gold=train[0].gold) for e in train])
    assert "expect_column_unique_value_count_to_be_between failed on column gold (found 1)" in complaint(made)


def test_at_most_five_rows_are_shown_and_all_are_counted(made: Workspace, train_split: Path) -> None:
    train = read_examples(train_split)
    write_examples(train_split, [*(replace(e, gold=(("nosuchitis",),)) for e in train[:9]), *train[9:]])
    error = complaint(made)
    [shown] = re.findall(r"gold_outside_vocabulary in 9 rows: ([^;]*);", error)
    assert [int(row) for row in re.findall(r"row (\d+) \(id", shown)] == [0, 1, 2, 3, 4]


def test_a_wrong_size_is_named_with_what_was_found(made: Workspace, train_split: Path) -> None:
    write_examples(train_split, read_examples(train_split)[:-3])
    assert "expect_table_row_count_to_equal failed (found 1497)" in complaint(made)


@pytest.mark.parametrize("column", ["gold", "posterior", "id"])
def test_a_missing_column_is_named(column: str, made: Workspace, train_split: Path) -> None:
    pq.write_table(pq.read_table(train_split).drop_columns([column]), train_split)
    assert f"train.parquet: column {column} is missing; run `dvc repro prepare`" in complaint(made)


def test_a_row_with_a_hole_is_named(made: Workspace, train_split: Path) -> None:
    table = pq.read_table(train_split)
    golds = [None, *table["gold"].to_pylist()[1:]]
    at = table.schema.get_field_index("gold")
    field = table.schema.field(at)
    pq.write_table(table.set_column(at, field, pa.array(golds, field.type)), train_split)
    assert "train.parquet: row 0: cannot be read" in complaint(made)


def test_an_id_that_is_not_the_contents_is_named(made: Workspace, train_split: Path) -> None:
    table = pq.read_table(train_split)
    ids = pa.array(["0" * 16, *table["id"].to_pylist()[1:]])
    pq.write_table(table.set_column(0, table.schema.field(0), ids), train_split)
    assert "train.parquet: row 0: id 0000000000000000 is not the content's" in complaint(made)


def test_a_failure_leaves_its_results_beside_those_of_the_last_good_run(made: Workspace, train_split: Path) -> None:
    write_examples(train_split, read_examples(train_split)[:-1])
    assert "reports/failed_data_docs/index.html" in complaint(made)
    assert (made.root / "reports" / "failed_data_docs" / "index.html").is_file()


def test_a_good_run_counts_its_expectations_and_clears_failed_results(made: Workspace) -> None:
    ended = made.run("validate")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"train: 2[0-9] expectations met by 1500 rows", ended.out)
    assert not (made.root / "reports" / "failed_data_docs").exists()
    summary = json.loads((made.root / "reports" / "validation.json").read_text())["splits"]
    assert {name: (split["rows"], split["success"]) for name, split in summary.items()} == {
        "train": (1500, True),
        "test": (60, True),
    }
