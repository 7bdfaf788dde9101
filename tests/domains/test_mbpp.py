"""Domain `mbpp`: full and sanitized rows, the official splits, and the prompt."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from setwise.domains import Prepared
from setwise.domains.base import Example
from setwise.domains.mbpp import DOMAIN, MbppParams
from setwise.errors import InputError


def _full(task: int, **changes: object) -> dict[str, Any]:
    return {
        "task_id": task,
        "text": f"Write a function to add {task}.",
        "code": f"def add(x):\r\n\treturn x + {task}\r\n",
        "test_setup_code": "",
        "test_list": [f"assert add(0) == {task}", f"assert add(1) == {task + 1} "],
        "challenge_test_list": [],
    } | changes


def _sanitized(task: int) -> dict[str, Any]:
    row = _full(task, prompt=f"Write a function to add {task}.", test_imports=["import math", "import re"])
    return {key: row[key] for key in ("task_id", "prompt", "code", "test_imports", "test_list")}


_TASKS = (1, 10, 11, 510, 511, 600, 601, 974)


def _load(train: object, **params: object) -> Prepared:
    return DOMAIN.load(MbppParams.model_validate({"train": train} | params), 0)


def _tasks(prepared: Prepared) -> dict[str, list[int]]:
    return {split: [e.columns["task_id"] for e in examples] for split, examples in prepared.splits.items()}


@pytest.mark.parametrize("make", [_full, _sanitized])
def test_task_ids_decide_the_split_and_the_others_are_counted(make: Callable[[int], Any], write_rows: Any) -> None:
    prepared = _load(write_rows("m.jsonl", [make(task) for task in _TASKS]))
    assert _tasks(prepared) == {"test": [11, 510], "train": [601, 974]}
    assert prepared.dropped == {f"{split}: a task of another official split": 6 for split in ("test", "train")}


def test_the_splits_of_the_hub_give_the_same(write_hub: Callable[..., str]) -> None:
    train = write_hub("mbpp_train", [_full(601), _full(974)])
    test = write_hub("mbpp_test", [_full(11), _full(510)])
    prepared = _load({"hub": train, "split": "train"}, test={"hub": test, "split": "train"})
    assert _tasks(prepared) == {"test": [11, 510], "train": [601, 974]}
    assert prepared.dropped == {}


def test_a_train_task_with_the_text_or_the_program_of_a_test_task_is_dropped_and_counted(write_rows: Any) -> None:
    same_text = _full(602, text="Write a  function to ADD 11.")
    same_program = _full(603, code="def add(number):  # the sum\n    return number + 11", text="Sum up.")
    prepared = _load(write_rows("m.jsonl", [_full(11), _full(601), same_text, same_program]))
    assert _tasks(prepared) == {"test": [11], "train": [601]}
    assert prepared.dropped["train: question already in test"] == 2


def test_two_tasks_of_a_split_may_show_the_same_prompt(write_rows: Any) -> None:
    rows = [_full(11), _full(12, text=_full(11)["text"], test_list=_full(11)["test_list"]), _full(601)]
    assert _tasks(_load(write_rows("m.jsonl", rows)))["test"] == [11, 12]


def test_a_task_given_twice_is_dropped_and_counted(write_rows: Any) -> None:
    prepared = _load(write_rows("m.jsonl", [_full(11), _full(11, text="Again."), _full(601)]))
    assert _tasks(prepared)["test"] == [11] and prepared.dropped["test: question already in test"] == 1


def test_line_ends_are_newlines_everywhere(write_rows: Any) -> None:
    setup = "root = 1\r\nother = 2"
    examples = _load(write_rows("m.jsonl", [_full(11), _full(601, test_setup_code=setup)])).splits["train"]
    assert examples[0].gold == (("def add(x):\n\treturn x + 601",),)
    assert examples[0].setup == "root = 1\nother = 2"


def test_the_prompt_shows_one_test_and_all_of_them_judge(write_rows: Any) -> None:
    example = _load(write_rows("m.jsonl", [_full(11), _full(601)])).splits["train"][0]
    assert example.question == "Write a function to add 601.\nThe program must pass:\nassert add(0) == 601"
    assert example.tests == ("assert add(0) == 601", "assert add(1) == 602")
    assert (example.match, example.exclusive) == ("code", False)


def test_the_prompt_shows_all_tests_and_what_they_import_where_asked(write_rows: Any) -> None:
    example = _load(write_rows("m.jsonl", [_sanitized(11), _sanitized(601)]), shown_tests=None).splits["train"][0]
    assert example.question.endswith("pass:\nimport math\nimport re\nassert add(0) == 601\nassert add(1) == 602")
    assert example.setup == "import math\nimport re"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": "x"}, "task_id 'x' is no task number"),
        ({"test_list": []}, "test_list is empty"),
        ({"test_list": "assert"}, "test_list is neither JSON nor a Python literal"),
        (
            {"test_list": "['assert f() == 1' 'assert f() == 2']"},
            "test_list is neither JSON nor a Python literal (texts",
        ),
        ({"code": " "}, "code is empty"),
        ({"task_id": "9" * 5000}, "task_id '999999"),
        ({"text": None}, "text is a NoneType"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(write_rows: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(write_rows("m.jsonl", [_full(601), _full(11, **change)]))
    assert str(caught.value).startswith(f"m.jsonl row 2: {message}")


def test_a_row_with_neither_text_nor_prompt_names_the_column(write_rows: Any) -> None:
    row = {key: value for key, value in _full(11).items() if key != "text"}
    with pytest.raises(InputError, match=r"m\.jsonl row 1: text is a NoneType"):
        _load(write_rows("m.jsonl", [row]))


_GOOD = Example(
    domain="mbpp",
    question="q",
    gold=(("def f(): return 1",),),
    match="code",
    exclusive=False,
    source={},
    tests=("assert f() == 1",),
    setup="import re",
    columns={"task_id": 11},
)


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, set()),
        ({"tests": ()}, {"has_tests"}),
        ({"tests": ("f() == 1",)}, {"tests_assert"}),
        ({"tests": ("assert (",)}, {"tests_assert", "tests_use_the_program"}),
        ({"tests": ("assert f() == 1", "assert True")}, {"tests_use_the_program"}),
        ({"question": "q\n\ndef f():\n  return 1"}, {"program_not_in_prompt"}),
        ({"columns": {}}, {"task_is_numbered"}),
        ({"gold": ()}, {"tests_use_the_program", "program_not_in_prompt"}),
        ({"setup": "import"}, {"setup_is_python"}),
        ({"gold": (("def f(",),)}, {"program_is_python", "tests_use_the_program"}),
    ],
)
def test_the_expectations_catch_damage(change: dict[str, Any], failing: set[str]) -> None:
    example = replace(_GOOD, **change)
    assert {x.name for x in DOMAIN.expectations() if not x.holds(example)} == failing


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
@pytest.mark.parametrize(("file", "sizes"), [("full", (500, 360)), ("sanitized", (257, 117))])
def test_every_real_row_is_read_and_meets_the_expectations(file: str, sizes: tuple[int, int]) -> None:
    prepared = _load(f"${{SETWISE_REAL_DATA}}/mbpp_{file}.jsonl.gz")
    assert (len(prepared.splits["test"]), len(prepared.splits["train"])) == sizes
    examples = [e for split in prepared.splits.values() for e in split]
    assert [(x.name, e) for e in examples for x in DOMAIN.expectations() if not x.holds(e)] == []
    assert not any("\r" in f"{e.question}{e.gold}{e.tests}{e.setup}" for e in examples)
