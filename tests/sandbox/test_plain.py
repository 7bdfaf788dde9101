"""Plain data goes over as it is, and nothing but plain data does."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.sandbox import plain


def _refuse(value):
    raise TypeError(f"not plain: {value!r}")


def _over(value):
    return plain.decode(json.loads(json.dumps(plain.encode(value, _refuse))), _refuse)


def _shape(value):
    """The value with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return type(value), [(_shape(k), _shape(v)) for k, v in value.items()]
    if isinstance(value, list | tuple | collections.deque):
        return type(value), [_shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value), sorted(map(repr, map(_shape, value)))
    if isinstance(value, fractions.Fraction):
        return type(value), hex(value.numerator), hex(value.denominator)
    return type(value), hex(value) if isinstance(value, int) else repr(value)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**400, 10**5000)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.binary().map(bytearray)
    | st.fractions()
    | st.builds(fractions.Fraction, st.integers(10**400, 10**5000), st.integers(1, 10**5000))
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.timedeltas()
)
KEYS = st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(collections.deque)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
        | st.dictionaries(KEYS, inner)
        | st.dictionaries(KEYS, inner).map(collections.OrderedDict)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_plain_data_arrives_as_it_was(value):
    assert _shape(_over(value)) == _shape(value)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, range(1, 9, 2), "\ud800", collections.Counter("ab")]
)
def test_so_do_the_odd_ones(value):
    assert _shape(_over(value)) == _shape(value)


@pytest.mark.parametrize(
    "value",
    [range(0, 10**5000, 10**4999), fractions.Fraction(1, 10**5000), -(10**5000)],
    ids=["range", "fraction", "integer"],
)
def test_integers_of_any_length_arrive(value):
    assert _over(value) == value


def test_a_defaultdict_arrives_with_what_stands_for_its_function():
    data = plain.encode(collections.defaultdict(list, a=[1]), lambda value: ["object", value.__name__])
    value = plain.decode(json.loads(json.dumps(data)), lambda data: {"list": list}[data[1]])
    assert value == {"a": [1]} and type(value) is collections.defaultdict and value["b"] == []


@pytest.mark.parametrize("value", [slice(1, None, -1), slice("a"), slice((1, 2), 3)])
def test_so_does_a_slice(value):
    assert _over(value) == value


class Colour(enum.IntEnum):
    RED = 3


class Name(str):
    pass


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(("value", "base"), [(Colour.RED, 3), (Name("a"), "a"), (Point(1, 2), (1, 2))])
def test_an_instance_of_a_subclass_that_compares_as_its_base_is_its_base(value, base):
    assert _shape(_over(value)) == _shape(base)


class Equal(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Anything:
    pass


@pytest.mark.parametrize("value", [Equal(3), Anything(), [Anything()], {1: Equal(2)}, len, Anything, iter([]), json])
def test_nothing_else_goes_over(value):
    with pytest.raises(TypeError, match="not plain"):
        plain.encode(value, _refuse)


@pytest.mark.parametrize(
    "data",
    [
        *([], [1], {"a": 1}, ["function", "00", None, []], ["dict", 1], ["dict", [["list"], 1]], ["hex", 3]),
        *(["range", "a"], ["Fraction", 1, 0], ["Fraction", ["hex"]], ["Decimal", "x"], ["bytes", "zz"]),
        *(["date", 0, 0, 0], [["list"]], ["slice"], ["defaultdict", 1, ["dict"]], ["defaultdict", None, 1]),
    ],
)
def test_data_that_no_value_has_is_an_error(data):
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        plain.decode(data, _refuse)


@given(VALUES)
def test_fractions_and_decimals_keep_their_exact_value(value):
    for exact in (fractions.Fraction(1, 3), decimal.Decimal("0.10"), datetime.timedelta(microseconds=1)):
        assert _over([exact, value])[0] == exact
