"""Lists and objects that a cell holds as text are read as they were written, or refused; never joined or cut."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.sources.literals import parse_json, parse_nested

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_LISTS = st.lists(_VALUES, max_size=4)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


@given(_LISTS)
def test_a_list_is_read_as_it_was_written(value: list[Any]) -> None:
    for text in (repr(value), json.dumps(value), json.dumps(json.dumps(value)), repr(_as_tuples(value))):
        assert parse_nested(text) == value
        assert parse_nested(f" {text}\n") == value


@given(st.lists(_TEXTS, min_size=2, max_size=30), st.booleans())
def test_what_numpy_prints_of_several_texts_is_refused(texts: list[str], as_objects: bool) -> None:
    printed = str(np.array(texts, dtype=object if as_objects else str))
    with pytest.raises(ValueError, match="is neither JSON nor a Python literal"):
        parse_nested(printed)


@given(st.lists(st.integers() | st.floats(), min_size=2, max_size=5))
def test_what_numpy_prints_of_several_numbers_is_refused(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="is neither JSON nor a Python literal"):
        parse_nested(str(np.array(numbers, dtype=object)))


@pytest.mark.parametrize(
    "text",
    [
        "['Muhammad Ali' 'Cassius Clay']",
        "['Muhammad Ali'\n 'Cassius Clay']",
        "['Muhammad Ali'\\\n'Cassius Clay']",
        "['Muhammad Ali' # the first\n 'Cassius Clay']",
        "['a', 'b' 'c']",
        "[['a', 'b'], ['c' 'd']]",
        """["it's" 'b']""",
        """['a'"b"]""",
        "['''a''' 'b']",
        "[r'a' u'b']",
        "{'a': 'b' 'c'}",
        "{'a' 'b': 'c'}",
        "('a' 'b')",
        "'a' 'b'",
    ],
)
def test_texts_side_by_side_are_never_one(text: str) -> None:
    with pytest.raises(ValueError, match="side by side without a comma, as numpy prints them"):
        parse_nested(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("nan", "nan is no value"),
        ("['a', nan]", "nan is no value"),
        ("['a' 'b' ... 'c']", "is neither JSON nor a Python literal"),
        ("['a', 'b', ..., 'c']", "... stands where values were left out"),
        ("array(['a', 'b'], dtype=object)", r"array\(\['a', 'b'\], dtype=object\) is no value"),
        ("[array(['a', 'b'], dtype=object) array(['c'], dtype=object)]", "is neither JSON nor a Python literal"),
        ("[list(['a']), 'b']", r"list\(\['a'\]\) is no value"),
        ("{'a', 'b'}", "a set has no order"),
        ("[{'a', 'b'}]", "a set has no order"),
        ("frozenset({'a'})", "is no value"),
        ("[1 -2]", "1 - 2 is no value"),
        ("[1 -2j]", "is no value"),
        ("[b'a']", "is no value"),
        ("[f'a']", "is no value"),
        ("['a' + 'b']", "is no value"),
        ("['a' * 3]", "is no value"),
        ("[*'ab']", "is no value"),
        ("{1: 'a'}", "is no value"),
        ("{**{'a': 1}}", "is no value"),
        ("{'a': 1, 'a': 2}", "has the key 'a' twice"),
        ('{"a": 1, "a": 2}', "has the key 'a' twice"),
        ('"{\\"a\\": 1, \\"a\\": 2}"', "has the key 'a' twice"),
        ("['a\0']", "null bytes"),
        ("[" * 100_000, "is nested too deep"),
        ("[" * 300 + "'a'" + "]" * 300, "too many nested parentheses"),
        ("-" * 100_000 + "1", "nested too deep"),
        (f"[0x{'f' * 5000}]", "4300 digits"),
        (f"[1{'0' * 5000}]", "holds an integer of over 4300 digits"),
        (f"['a', 1{'0' * 5000}]", "4300"),
        ("Paris; Rome", "is neither JSON nor a Python literal"),
        ('"Paris"', "is neither JSON nor a Python literal"),
    ],
    ids=lambda value: value[:40],
)
def test_what_has_two_readings_or_lost_something_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_nested(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['']", [""]),
        ("['a','']", ["a", ""]),
        ("""["'", 'b']""", ["'", "b"]),
        ("""['say "" twice']""", ['say "" twice']),
        ("['''x''']", ["x"]),
        ("[# none\n]", []),
    ],
)
def test_quotes_side_by_side_that_are_one_text_are_read(text: str, value: list[str]) -> None:
    assert parse_nested(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"not JSON \(Expecting"),
        ('{"gold": 1, "gold": 2}', "has the key 'gold' twice"),
        ('[{"a": [{"b": 1, "c": 2, "b": 1}]}]', "has the key 'b' twice"),
        ("[" * 100_000, "is nested too deep"),
        ('{"a":' * 100_000, "is nested too deep"),
        ("9" * 5000, "holds an integer of over 4300 digits"),
    ],
    ids=lambda value: value[:40],
)
def test_json_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text)
