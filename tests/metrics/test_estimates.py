import pytest

from setwise.metrics.estimates import decimals, number, with_interval


def estimate(value: float | None, lo: float | None, hi: float | None) -> dict[str, float | None]:
    return {"value": value, "lo": lo, "hi": hi}


@pytest.mark.parametrize(
    ("value", "lo", "hi", "text"),
    [
        (0.82345, 0.80611, 0.84021, "0.823 [0.806, 0.840]"),
        (0.5, 0.2, 0.8, "0.50 [0.20, 0.80]"),
        (123.456, 100.0, 150.0, "123 [100, 150]"),
        (0.15612, 0.15522, 0.15701, "0.1561 [0.1552, 0.1570]"),
        (1.0, 1.0, 1.0, "1.000 [1.000, 1.000]"),
    ],
)
def test_an_estimate_is_rounded_to_what_its_interval_supports(value: float, lo: float, hi: float, text: str) -> None:
    assert with_interval(estimate(value, lo, hi)) == text


def test_an_estimate_without_an_interval_has_three_decimals_and_no_brackets() -> None:
    assert with_interval(estimate(0.25, None, None)) == "0.250"


def test_an_undefined_value_is_a_dash() -> None:
    assert with_interval(estimate(None, None, None)) == "–"


def test_a_difference_has_its_sign_and_zero_has_none() -> None:
    assert number(0.0312, 3, sign=True) == "+0.031"
    assert number(-0.0312, 3, sign=True) == "−0.031"
    assert number(-0.0001, 3, sign=True) == "0.000"


def test_a_row_is_rounded_by_its_narrowest_interval() -> None:
    assert decimals([estimate(0.5, 0.2, 0.8), estimate(0.5, 0.49, 0.51)]) == 3
