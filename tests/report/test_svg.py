from xml.etree import ElementTree

import pytest

from setwise.report.svg import HEIGHT, WIDTH, Axes, Line, line_chart, reliability_chart, ticks

LINE = Line("a", "m-a", [1, 2, 3], [0.2, None, 0.4], [0.1, None, 0.3], [0.3, None, 0.5])


def test_a_chart_is_named_and_described_for_screen_readers() -> None:
    root = ElementTree.fromstring(line_chart("k", "Coverage", "What it shows.", [LINE], Axes("x", "y")))
    assert root.get("role") == "img"
    assert [root.findtext("title"), root.findtext("desc")] == ["Coverage", "What it shows."]
    assert root.get("aria-labelledby") == "k-title k-text"


def test_text_in_a_chart_is_escaped() -> None:
    chart = line_chart("k", "<script>alert(1)</script>", "d", [LINE], Axes("<b>x</b>", "y"))
    assert "<script>" not in chart
    assert "<b>" not in chart


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    root = ElementTree.fromstring(line_chart("k", "t", "d", [LINE], Axes("x", "y")))
    assert len([path for path in root.iter("path") if "line" in str(path.get("class"))]) == 2


def test_everything_drawn_lies_within_the_picture() -> None:
    line = Line("a", "m-a", [0, 30], [-5.0, 900.0])
    root = ElementTree.fromstring(line_chart("k", "t", "d", [line], Axes("x", "y", y=(0.0, 1.0))))
    (path,) = (p.get("d", "") for p in root.iter("path"))
    points = [tuple(map(float, point.split())) for point in path.strip("M").split("L")]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_a_reliability_diagram_counts_the_answers_of_each_bin() -> None:
    line = Line("a", "m-a", [0.1, 0.9], [0.2, 0.8], [0.1, None], [0.3, None], counts=[40, 2])
    root = ElementTree.fromstring(reliability_chart("k", "t", "d", line, Axes("x", "y")))
    bars = [rect.findtext("title") for rect in root.iter("rect")]
    assert bars == ["40 answers stated about 0.10", "2 answers stated about 0.90"]
    assert len([e for e in root.iter("line") if "whisker" in str(e.get("class"))]) == 1


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, 30.0), (17.0, 23.0), (0.0, 0.003), (-2.5, 1e6)])
def test_ticks_are_few_and_within_the_bounds(bounds: tuple[float, float]) -> None:
    found = ticks(bounds)
    assert 3 <= len(found) <= 11
    assert all(bounds[0] - 1e-9 <= tick <= bounds[1] + 1e-9 for tick in found)
