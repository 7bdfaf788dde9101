import pytest

from setwise.report.page import duration


@pytest.mark.parametrize(("value", "text"), [(12.3, "12 s"), (150.0, "2.5 min"), (7200.0, "2.0 h"), (None, "–")])
def test_durations_are_said_in_the_unit_that_reads_well(value: float | None, text: str) -> None:
    assert duration(value) == text
