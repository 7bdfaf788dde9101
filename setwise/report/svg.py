"""Charts as inline SVG: colours, dashes and fonts are the page's style sheet's, so that they follow its scheme.

Built as an element tree, so that every text is escaped. Each chart has a title and a description for screen readers;
marks say their numbers when they are pointed at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 40
_STRIP = 46
"""Height of the strip of counts under a reliability diagram."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One series of a chart.

    Attributes:
        name: of the series.
        css: class of the series in the style sheet, such as `m-rlvr_multi`.
        x, y: the points; a y of None is a gap.
        lo, hi: bounds of an interval about each point; empty for none.
        step: whether values hold from half a unit before x to half a unit after, as in a histogram.
        counts: how many observations are behind each point of a reliability diagram; it sizes marks and bars.
    """

    name: str
    css: str
    x: Sequence[float]
    y: Sequence[float | None]
    lo: Sequence[float | None] = ()
    hi: Sequence[float | None] = ()
    step: bool = False
    counts: Sequence[int] = ()


@dataclass(frozen=True)
class Axes:
    """Labels of a chart, and its ranges where they are not read off the data."""

    x_label: str
    y_label: str
    x: Range | None = None
    y: Range | None = None


@dataclass(frozen=True)
class _Frame:
    """From data to the picture."""

    x: Range
    y: Range
    bottom: float

    def at_x(self, value: float) -> float:
        """The horizontal place of a value."""
        return round(_LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - _LEFT - _RIGHT), 1)

    def at_y(self, value: float) -> float:
        """The vertical place of a value; what is out of range stays at the edge."""
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return round(self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - _TOP), 1)


def line_chart(key: str, title: str, description: str, lines: Sequence[Line], axes: Axes) -> Markup:
    """Lines with bands for their intervals.

    Args:
        key: makes the ids of the picture unique on its page.
        title: read out by screen readers.
        description: what the picture shows, in a sentence.
        lines: the series, drawn in this order.
        axes: labels and ranges.
    """
    frame = _Frame(axes.x or _range(lines, "x"), axes.y or _range(lines, "y"), HEIGHT - _BOTTOM)
    root = _picture(key, title, description, HEIGHT)
    _draw_axes(root, frame, axes, HEIGHT)
    for line in lines:
        _draw_band(root, frame, line)
    for line in lines:
        _draw_line(root, frame, line)
    return _markup(root)


def reliability_chart(key: str, title: str, description: str, line: Line, axes: Axes) -> Markup:
    """Observed against stated, with intervals, the identity line, and the number of observations in each bin."""
    height = HEIGHT + _STRIP
    frame = _Frame(axes.x or (0.0, 1.0), axes.y or (0.0, 1.0), HEIGHT - _BOTTOM)
    root = _picture(key, title, description, height)
    _draw_axes(root, frame, axes, HEIGHT)
    places = {"x1": frame.at_x(0), "y1": frame.at_y(0), "x2": frame.at_x(1), "y2": frame.at_y(1)}
    SubElement(root, "line", {"class": "identity", **{name: str(value) for name, value in places.items()}})
    for x, lo, hi in zip(line.x, line.lo, line.hi, strict=False):
        if lo is not None and hi is not None:
            ends = {"x1": frame.at_x(x), "x2": frame.at_x(x), "y1": frame.at_y(lo), "y2": frame.at_y(hi)}
            SubElement(root, "line", {"class": f"whisker {line.css}", **{k: str(v) for k, v in ends.items()}})
    _draw_marks(root, frame, line)
    most = max(line.counts, default=0) or 1
    for x, n in zip(line.x, line.counts, strict=True):
        tall = max(1.0, n / most * (_STRIP - 12))
        box = {"x": frame.at_x(x) - 6, "y": height - 2 - tall, "width": 12, "height": tall}
        bar = SubElement(root, "rect", {"class": f"bar {line.css}", **{k: f"{v:.1f}" for k, v in box.items()}})
        SubElement(bar, "title").text = f"{n:,} answers stated about {x:.2f}"
    _text(root, _LEFT - 6, height - 6, "n", "tick end")
    return _markup(root)


def _picture(key: str, title: str, description: str, height: int) -> Element:
    labels = f"{key}-title {key}-text"
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-labelledby": labels})
    SubElement(root, "title", {"id": f"{key}-title"}).text = title
    SubElement(root, "desc", {"id": f"{key}-text"}).text = description
    return root


def _markup(root: Element) -> Markup:
    return Markup(tostring(root, encoding="unicode", short_empty_elements=False))  # ElementTree escaped it


def _draw_axes(root: Element, frame: _Frame, axes: Axes, height: int) -> None:
    for value in ticks(frame.y):
        y = str(frame.at_y(value))
        SubElement(root, "line", {"class": "grid", "x1": str(_LEFT), "x2": str(WIDTH - _RIGHT), "y1": y, "y2": y})
        _text(root, _LEFT - 6, frame.at_y(value) + 4, _tick_label(value, frame.y), "tick end")
    for value in ticks(frame.x):
        _text(root, frame.at_x(value), frame.bottom + 16, _tick_label(value, frame.x), "tick middle")
    bottom = str(frame.bottom)
    SubElement(root, "line", {"class": "axis", "x1": str(_LEFT), "x2": str(WIDTH - _RIGHT), "y1": bottom, "y2": bottom})
    _text(root, (_LEFT + WIDTH - _RIGHT) / 2, height - 8, axes.x_label, "label middle")
    middle = (_TOP + frame.bottom) / 2
    label = _text(root, 0, 0, axes.y_label, "label middle")
    label.set("transform", f"translate(12 {middle:.0f}) rotate(-90)")


def _text(root: Element, x: float, y: float, text: str, css: str) -> Element:
    element = SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": css})
    element.text = text
    return element


def _draw_band(root: Element, frame: _Frame, line: Line) -> None:
    bounds = [(x, lo, hi) for x, lo, hi in zip(line.x, line.lo, line.hi, strict=False) if lo is not None]
    if len(bounds) < 2:
        return
    upper = [f"{frame.at_x(x)} {frame.at_y(hi)}" for x, _, hi in bounds if hi is not None]
    lower = [f"{frame.at_x(x)} {frame.at_y(lo)}" for x, lo, _ in reversed(bounds)]
    SubElement(root, "path", {"class": f"band {line.css}", "d": "M" + "L".join([*upper, *lower]) + "Z"})


def _draw_line(root: Element, frame: _Frame, line: Line) -> None:
    for stretch in _stretches(line):
        points = [f"{frame.at_x(x)} {frame.at_y(y)}" for x, y in stretch]
        SubElement(root, "path", {"class": f"line {line.css}", "d": "M" + "L".join(points)})


def _draw_marks(root: Element, frame: _Frame, line: Line) -> None:
    """A circle for each bin, its area by the observations in it."""
    most = max(line.counts, default=0) or 1
    for x, y, n in zip(line.x, line.y, line.counts, strict=True):
        if y is not None:
            place = {"cx": str(frame.at_x(x)), "cy": str(frame.at_y(y)), "r": f"{2.4 + 4.6 * math.sqrt(n / most):.1f}"}
            mark = SubElement(root, "circle", {"class": f"mark {line.css}", **place})
            SubElement(mark, "title").text = f"stated {x:.3f}, right {y:.3f}, {n:,} answers"


def _stretches(line: Line) -> Iterator[list[tuple[float, float]]]:
    """The points between gaps; two for each value of a histogram."""
    stretch: list[tuple[float, float]] = []
    for x, y in zip(line.x, line.y, strict=True):
        if y is None:
            if stretch:
                yield stretch
            stretch = []
        else:
            stretch += [(x - 0.5, y), (x + 0.5, y)] if line.step else [(x, y)]
    if stretch:
        yield stretch


def _range(lines: Sequence[Line], axis: str) -> Range:
    """The range of the data, widened to whole ticks; y starts at 0 where that wastes less than half of the picture."""
    values = [v for line in lines for v in (line.x if axis == "x" else [*line.y, *line.lo, *line.hi]) if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if axis == "x":
        return (low, high) if high > low else (low - 0.5, low + 0.5)
    if 0 <= low <= high / 2 or low == high:
        low = min(low, 0.0)
    if low == high:
        high = low + 1.0
    step = _tick_step((low, high))
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def ticks(bounds: Range) -> list[float]:
    """Four to eight round values within the bounds."""
    step = _tick_step(bounds)
    first = math.ceil(bounds[0] / step - 1e-9)
    last = math.floor(bounds[1] / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _tick_step(bounds: Range) -> float:
    rough = (bounds[1] - bounds[0]) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _tick_label(value: float, bounds: Range) -> str:
    places = max(0, -math.floor(math.log10(_tick_step(bounds)) + 1e-9))
    return f"{value:,.{places}f}".replace("-", "\u2212")
