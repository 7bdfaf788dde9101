"""Bad gold is a clear error before any scoring; bad completions are scored as invalid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from setwise.answers import AnswerSet, Layout, render
from setwise.errors import InputError
from setwise.matching import Gold
from setwise.rewards import rlcr_multi, rlvr_single
from setwise.rewards.columns import completion_texts, read_golds


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([], "no gold answer"),
        (None, "None; give a list"),
        (7, "7; give a list"),
        ("Paris", "'Paris'; give a list"),
        ({"answer": "Paris"}, "give a list"),
        ([["Paris"], "London"], "'London'; give a list of strings"),
        ([["Paris"], []], "without aliases"),
        ([["Paris", None]], "give a list of strings"),
        ([[["Paris"]]], "give a list of strings"),
        ([1, 2], "1; give a list of strings"),
        (["Paris", "  "], "an empty string"),
        ([[""]], "an empty string"),
    ],
)
def test_gold_that_cannot_be_used_names_the_row(row: Any, says: str) -> None:
    with pytest.raises(InputError, match="column gold, row 1: .*" + says) as error:
        rlcr_multi([""] * 3, ["never scored"] * 3, gold=[[["a"]], row, [["b"]]])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "column gold: missing"),
        ({"gold": None}, "column gold: missing"),
        ({"gold": "Paris"}, "column gold: 'Paris' is no column"),
        ({"gold": 3}, "column gold: 3 is no column"),
        ({"gold": [[["a"]]]}, "column gold: 1 values for 2 completions"),
        ({"gold": [[["a"]]] * 3}, "column gold: 3 values for 2 completions"),
        ({"gold": [[["a"]]] * 2, "match": ["text"]}, "column match: 1 values for 2 completions"),
        ({"gold": [[["a"]]] * 2, "match": ["text", "fuzzy"]}, "column match, row 1: 'fuzzy'; use one of exact, text"),
        (
            {"gold": [[["a"]]] * 2, "match": ["text", ["text"]]},
            r"column match, row 1: \['text'\]; use one of exact, text",
        ),
        ({"gold": [[["a"]]] * 2, "match": ["text", {}]}, "column match, row 1: {}; use one of exact, text"),
        ({"gold": [[["a"]]] * 2, "exclusive": [True, "yes"]}, "column exclusive, row 1: 'yes'; use true or false"),
        (
            {"gold": [[["a"]]] * 2, "match": ["code"] * 2, "tests": [["assert f()"], []]},
            "column tests, row 1: no tests",
        ),
        ({"gold": [[["a"]]] * 2, "tests": [None, "assert f()"]}, "column tests, row 1: .*; give a list of strings"),
        ({"gold": [[["a"]]] * 2, "setup": [None, 1]}, "column setup, row 1: 1; use a string of code"),
    ],
)
def test_columns_that_cannot_be_used_say_so(columns: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_golds(columns, 2)


def test_a_flat_list_means_one_alias_each() -> None:
    assert read_golds({"gold": [["Paris", "London"]]}, 1) == [Gold((("Paris",), ("London",)))]
    assert read_golds({"gold": [[["Paris", "Paname"]]]}, 1) == [Gold((("Paris", "Paname"),))]


def test_flat_and_nested_gold_with_the_same_letters_are_kept_apart() -> None:
    assert read_golds({"gold": [["ab"], [["a", "b"]], ["a", "b"]]}, 3) == [
        Gold((("ab",),)),
        Gold((("a", "b"),)),
        Gold((("a",), ("b",))),
    ]


def test_rows_without_an_optional_value_take_the_default() -> None:
    columns = {"gold": [["1"]] * 2, "match": [None, "math"], "exclusive": [None, np.bool_(True)], "tests": [None, None]}
    assert read_golds(columns, 2, default_match="exact") == [Gold((("1",),), "exact"), Gold((("1",),), "math", True)]


def test_code_needs_tests_and_no_gold() -> None:
    columns = {"gold": [None], "match": ["code"], "tests": [["assert f() == 1"]], "setup": ["import math"]}
    assert read_golds(columns, 1) == [Gold((), "code", False, ("assert f() == 1",), "import math")]


def test_arrays_are_read_as_lists() -> None:
    gold = np.empty(2, dtype=object)
    gold[0], gold[1] = np.array(["Paris"], dtype=object), np.array([np.array(["a", "b"], dtype=object)], dtype=object)
    assert read_golds({"gold": gold}, 2) == [Gold((("Paris",),)), Gold((("a", "b"),))]


@pytest.mark.parametrize(
    "gold", [[["Paris"], ["Rome"], ["Oslo"], ["Bern"]], [[["Paris"]], [["Rome"]], [["a"]], [["b"]]]]
)
def test_a_lazy_column_gives_each_row_its_own_gold(gold: list[Any]) -> None:
    column = Dataset.from_list([{"gold": row} for row in gold] * 25)["gold"]
    paris = render(AnswerSet(("Paris",)), Layout())
    assert rlvr_single([""] * 100, [paris] * 100, gold=column) == [2, 1, 1, 1] * 25


def test_completions_are_strings_or_conversations() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    turns = [{"role": "assistant", "content": "first"}, {"role": "tool", "content": "5"}]
    completions = [
        "plain",
        [{"role": "assistant", "content": "said"}],
        [*turns, {"role": "assistant", "content": "last"}],
        [{"role": "assistant", "content": blocks}],
        [{"content": "no role"}],
    ]
    assert completion_texts(completions) == ["plain", "said", "last", "ab", "no role"]


@pytest.mark.parametrize("key", ["reasoning_content", "thinking"])
def test_reasoning_that_was_parsed_out_of_a_message_is_put_back(key: str) -> None:
    said = "<answer> Paris </answer>"
    parts = [{"type": "text", "text": said}]
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": said, key: "so <answer> Rome </answer>"},
        {"role": "assistant", "content": parts, key: ""},
        {"role": "assistant", "content": "<think> so </think>" + said, key: "so"},
        {"role": "assistant", "content": said, key: None},
        {"role": "assistant", "content": None, key: "so"},
    ]
    found = rlvr_single([""] * 5, [[message] for message in messages], gold=[["Paris"]] * 5)
    assert found == [2, 2, 2, 0, 0]


NO_CONTENT: list[Any] = [None, [], [{"type": "image"}], [{"type": "text", "text": 1}], 3]


@pytest.mark.parametrize(
    "completion",
    [None, 3, b"", [], {}, [None], [{"role": "assistant"}], [{"role": "user", "content": "hi"}]]
    + [[{"role": "assistant", "content": content}] for content in NO_CONTENT],
)
def test_what_holds_no_text_is_scored_as_invalid(completion: Any) -> None:
    extra: dict[str, list[Any]] = {}
    rewards = rlcr_multi([""], [completion], gold=[["a"]], log_extra=extra.__setitem__)
    assert rewards == [-1.0]
    assert extra["rlcr_multi/reason"] == ["not_text"]
