"""Domain `qa`: any question and answer columns, named in the params."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from setwise.domains import Prepared
from setwise.domains.qa import DOMAIN, QaParams
from setwise.errors import InputError


def _load(train: object, **params: object) -> Prepared:
    return DOMAIN.load(QaParams.model_validate({"train": train, "test_size": 1} | params), 0)


def _golds(prepared: Prepared) -> set[tuple[tuple[str, ...], ...]]:
    return {e.gold for examples in prepared.splits.values() for e in examples}


@pytest.mark.parametrize(
    ("answer_is", "value", "gold"),
    [
        ("one", "Paris", (("Paris",),)),
        ("one", 1789, (("1789",),)),
        ("one", 5.0, (("5",),)),
        ("one", 0.5, (("0.5",),)),
        ("one", -3.0, (("-3",),)),
        ("one", 1e300, (("1e+300",),)),
        ("one", "5.0", (("5.0",),)),
        ("one", "nan", (("nan",),)),
        ("one", "[1, 2]", (("[1, 2]",),)),
        ("aliases", ["Paris", "Lutetia", "Paris"], (("Paris", "Lutetia"),)),
        ("several", ["Paris", "Rome", "Paris"], (("Paris",), ("Rome",))),
        ("several", [["Paris", "Lutetia"], "Rome", 3], (("Paris", "Lutetia"), ("Rome",), ("3",))),
        ("several", ["NYC", "nyc", "the NYC"], (("NYC", "nyc", "the NYC"),)),
        ("several", ["Rome", ["NYC", "New York"], "Nyc.", 3.0, "3"], (("Rome",), ("NYC", "New York", "Nyc."), ("3",))),
        ("several", "['Paris', 'Rome']", (("Paris",), ("Rome",))),
        ("several", '"[\\"Paris\\", [\\"Rome\\", 3]]"', (("Paris",), ("Rome", "3"))),
        ("several", "(('Paris', 'Lutetia'), 'Rome')", (("Paris", "Lutetia"), ("Rome",))),
        ("aliases", ["NYC", " nyc ", "N.Y.C."], (("NYC", "nyc", "N.Y.C."),)),
    ],
)
def test_the_answer_column_is_read_as_the_params_say(write_rows: Any, answer_is: str, value: object, gold: Any) -> None:
    rows = [{"question": f"q{i}", "answer": value} for i in range(2)]
    assert _golds(_load(write_rows("q.jsonl", rows), answer_is=answer_is)) == {gold}


def test_a_column_of_integers_with_holes_is_read_as_integers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.chdir(tmp_path)
    table = {"question": ["a", "b", "c"], "answer": [5.0, float("nan"), 7.0]}
    pq.write_table(pa.table(table), "holes.parquet")
    with pytest.raises(InputError, match=r"holes\.parquet row 2: answer is nan, which is no answer; mend or remove"):
        _load("holes.parquet")
    pq.write_table(pa.table(table).take([0, 2]), "mended.parquet")
    assert _golds(_load("mended.parquet")) == {(("5",),), (("7",),)}


def test_columns_are_named_and_a_dot_reads_into_them(write_rows: Any) -> None:
    rows = [{"q": f"Capital {i}?", "passage": "Text.", "answers": {"text": ["Paris"]}} for i in range(2)]
    prepared = _load(
        write_rows("q.jsonl", rows), question="q", answer="answers.text", answer_is="aliases", context="passage"
    )
    [example] = prepared.splits["test"]
    assert example.question.startswith("Text.\n\nQuestion: Capital ")
    assert example.gold == (("Paris",),)


@pytest.mark.parametrize(
    ("params", "exclusive"),
    [({}, True), ({"exclusive": False}, False), ({"answer_is": "several"}, False), ({"answer_is": "aliases"}, True)],
)
def test_one_answer_is_exclusive_unless_the_params_say_otherwise(write_rows: Any, params: Any, exclusive: bool) -> None:
    answer = ["a"] if "answer_is" in params else "a"
    file = write_rows("q.jsonl", [{"question": f"q{i}", "answer": answer} for i in range(2)])
    assert _load(file, **params).splits["test"][0].exclusive is exclusive


def test_several_answers_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="exclusive: true says that one answer is true"):
        QaParams(train="q.jsonl", answer_is="several", exclusive=True)


@pytest.mark.parametrize(
    ("row", "answer_is", "message"),
    [
        (
            {"question": "q"},
            "one",
            "column 'answer' is missing (there: question); set domain.question or domain.answer",
        ),
        ({"question": "q", "answer": ""}, "one", "answer is empty"),
        ({"question": "q", "answer": None}, "one", "answer is a NoneType"),
        ({"question": "q", "answer": float("nan")}, "one", "answer is nan, which is no answer"),
        ({"question": "q", "answer": [1, float("inf")]}, "several", "answer is inf, which is no answer"),
        ({"question": "a\ud800", "answer": "b"}, "one", "question holds half a character ('\\ud800')"),
        ({"question": "q", "answer": True}, "one", "answer is a bool"),
        ({"question": "q", "answer": ["a"]}, "one", "answer is a list"),
        ({"question": "q", "answer": []}, "several", "answer names no answer"),
        ({"question": "q", "answer": []}, "aliases", "answer names no answer"),
        ({"question": "q", "answer": "a"}, "several", "answer is neither JSON nor a Python literal"),
        (
            {"question": "q", "answer": "['a' 'b']"},
            "aliases",
            "answer is neither JSON nor a Python literal (texts stand",
        ),
        (
            {"question": "q", "answer": "['a'\n 'b']"},
            "several",
            "answer is neither JSON nor a Python literal (texts st",
        ),
        ({"question": "q", "answer": {"a": "b"}}, "several", "answer is an object, not a list"),
        ({"question": "q", "answer": ["a", " \t"]}, "aliases", "answer is empty"),
        ({"question": "q", "answer": ["a", "\u00a0"]}, "several", "answer is empty"),
        ({"question": "q", "answer": ["a", None]}, "aliases", "answer is a NoneType"),
        ({"question": "q", "answer": [["a"], []]}, "several", "answer names no answer"),
        ({"question": "q", "answer": "None"}, "aliases", "answer is a NoneType, not a list"),
        (
            {"question": "q", "answer": "nan"},
            "aliases",
            "answer is neither JSON nor a Python literal (nan is no value)",
        ),
        ({"question": "q", "answer": "a\0b"}, "one", "answer holds a NUL character ('\\x00')"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(write_rows: Any, row: Any, answer_is: str, message: str) -> None:
    Path("q.jsonl").unlink(missing_ok=True)
    with pytest.raises(InputError) as caught:
        _load(write_rows("q.jsonl", [row]), answer_is=answer_is)
    assert str(caught.value).startswith(f"q.jsonl row 1: {message}")


def test_a_list_of_parquet_written_as_csv_is_refused_and_written_as_json_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"q{i}", "answer": ["Muhammad Ali", "Cassius Clay"]} for i in range(2)]
    pd.DataFrame(rows).to_parquet("rows.parquet")
    table = pd.read_parquet("rows.parquet")
    table.to_csv("printed.csv", index=False)
    with pytest.raises(
        InputError, match=r"printed\.csv row \d: answer .* as numpy prints them\); write it as JSON, or"
    ):
        _load("printed.csv", answer_is="aliases")
    table["answer"] = [json.dumps(list(answer)) for answer in table["answer"]]
    table.to_csv("written.csv", index=False)
    assert _golds(_load("written.csv", answer_is="aliases")) == {(("Muhammad Ali", "Cassius Clay"),)}


def test_params_refuse_an_unknown_key(write_rows: Any) -> None:
    with pytest.raises(ValidationError, match="answers_is"):
        _load("q.jsonl", answers_is="one")


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
def test_real_rows_of_another_domain_are_read() -> None:
    prepared = _load("${SETWISE_REAL_DATA}/hotpotqa_train_distractor_100.jsonl.gz", test_size=20)
    examples = [e for split in prepared.splits.values() for e in split]
    assert len(examples) == 100
    assert [(x.name, e) for e in examples for x in DOMAIN.expectations() if not x.holds(e)] == []
