"""The checked reading of values: nested ones in every nesting, texts, and rows lacking a column."""

from typing import Any

import pytest

from setwise.errors import InputError
from setwise.sources import Rows, read_list, read_nested, read_records, read_text

_RECORDS = [{"title": "A", "sentences": ["x", "y"]}, {"title": "B", "sentences": []}]


@pytest.mark.parametrize(
    "value",
    [
        _RECORDS,
        [["A", ["x", "y"]], ["B", []]],
        {"title": ["A", "B"], "sentences": [["x", "y"], []]},
        "[['A', ['x', 'y']], ['B', []]]",
        '{"title": ["A", "B"], "sentences": [["x", "y"], []]}',
    ],
)
def test_records_are_read_in_every_nesting(value: Any) -> None:
    assert read_records(value, ("title", "sentences"), "context", "f row 1") == _RECORDS


def test_a_record_without_a_key_has_none_there() -> None:
    assert read_records([{"a": 1, "c": 3}], ("a", "b"), "x", "p") == [{"a": 1, "b": None}]


@pytest.mark.parametrize("value", [{"title": ["A"], "sentences": []}, {"title": ["A"]}, [["A"]], [3]])
def test_records_of_another_shape_are_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"f row 1: context .*title, sentences"):
        read_records(value, ("title", "sentences"), "context", "f row 1")


@pytest.mark.parametrize("text", ["['a', 1.5]", '["a", 1.5]'])
def test_a_list_in_a_text_is_read_as_json_or_python(text: str) -> None:
    assert read_list(text, "x", "p") == ["a", 1.5]


@pytest.mark.parametrize("value", ["[1", "print()", "3", "", 3, None])
def test_what_is_no_list_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="p: x is "):
        read_nested(value, "x", "p")


def test_a_text_is_stripped_and_its_line_ends_made_newlines() -> None:
    assert read_text(" a\r\nb\rc\r\n", "x", "p") == "a\nb\nc"


@pytest.mark.parametrize(
    ("value", "message"), [("  ", "p: x is empty"), (None, "a NoneType, not a text"), (3, "a int")]
)
def test_what_is_no_text_is_refused(value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(value, "x", "p")


def test_the_first_row_lacking_a_column_is_named() -> None:
    with pytest.raises(InputError, match=r"f row 2: column 'b' is missing \(there: a\); use others"):
        Rows("f", [{"a": 1, "b": 2}, {"a": 1}]).require(("a", "b"), "use others")
    with pytest.raises(InputError, match="f: holds no rows; use others"):
        Rows("f", []).require(("a",), "use others")
