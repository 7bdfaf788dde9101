"""The report's figures: which series are drawn, and the numbers behind them as a table. matplotlib draws them as SVG.

They are drawn in stand-in colours, in whose place the page's variables are put: one picture follows the scheme of its
reader. Its text is text, in the page's font. The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from setwise.methods import METHODS
from setwise.metrics.estimates import interval, number
from setwise.report.results import Results, Setup
from setwise.report.tables import Listing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_WIDTH, _HEIGHT, _TALL = 340, 270, 330
_LEFT, _LABELS, _LEGEND_ROW = 50, 40, 18
"""Sizes of a picture in units, and the room beside and below what is drawn; text of 11 units is read on a phone."""
_INKS = (*(f"--c-{method}" for method in METHODS), "--soft", "--grid")
"""The page's variables that pictures are drawn in."""
_DASHES: tuple[Any, ...] = ((0, (7, 4)), (0, (2, 3)), "solid", (0, (13, 3)))
"""Of the methods in their order, so that they are told apart without their colours."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.parse_math": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "axes.formatter.limits": (-4, 6),
    "axes.formatter.useoffset": False,
    "lines.linewidth": 2.2,
    "lines.scale_dashes": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "legend.columnspacing": 1.4,
}


class Line(NamedTuple):
    """One series of a figure; `place` says in whose colour and dashes. None is a gap; intervals may be missing."""

    name: str
    place: int
    x: Sequence[Any]
    y: Sequence[float | None]
    lo: Sequence[float | None] = ()
    hi: Sequence[float | None] = ()


@dataclass(frozen=True)
class Figure:
    """A picture with what stands around it.

    Attributes:
        key: its id on the page.
        caption: below it.
        chart: the SVG.
        numbers: what is behind it; the title is that of the figure.
    """

    key: str
    caption: str
    chart: Markup
    numbers: Listing


def training_figures(results: Results) -> list[Figure]:
    """Training curves: reward, valid completions and coverage by step, smoothed a little."""
    shown = (
        ("train/reward", "Reward while training", "mean reward of a step"),
        ("train/valid", "Valid completions while training", "share of completions"),
        ("train/coverage", "Coverage while training", "share of sets with a right answer"),
    )
    caption = "Mean over a window of a twentieth of the steps; while training, at the training temperature."
    figures = []
    for name, title, label in shown:
        lines = [_training_line(method, results.curves[method], name, _place(method)) for method in results.methods]
        lines = [line for line in lines if line.x]
        if lines:
            key, share = name.replace("/", "-"), name != "train/reward"
            figures.append(_figure(key, title, caption, lines, ("step", label), share=share))
    return figures


def _place(method: str) -> int:
    return list(METHODS).index(method)


def _training_line(name: str, curve: Sequence[Mapping[str, float]], value: str, place: int) -> Line:
    rows = [row for row in curve if value in row]
    values = [row[value] for row in rows]
    return Line(name, place, [row["step"] for row in rows], smooth(values, max(1, len(values) // 20)))


def smooth(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value and its up to `width` − 1 predecessors."""
    return [sum(window) / len(window) for i in range(len(values)) for window in [values[max(0, i - width + 1) : i + 1]]]


def sweep_figures(results: Results) -> list[Figure]:
    """Right answers while training, by K, where a sweep over K left its curves."""
    figures = []
    for method in METHODS:
        by_k = {run["k"]: run["curve"] for run in results.swept(method) if run.get("curve")}
        if len(by_k) < 2:
            continue
        lines = [
            _training_line(f"K = {k}", curve, "train/hits", place % len(METHODS))
            for place, (k, curve) in enumerate(sorted(by_k.items()))
        ]
        caption = "One run for each K, the one with the highest seed."
        title = f"Right answers per set while training {method}, by K"
        figures.append(_figure(f"sweep-{method}", title, caption, lines, ("step", "right answers per set")))
    return figures


def answer_figures(results: Results) -> list[Figure]:
    """What n answers bring: coverage, correct and unique answers, tokens against correct answers, and how unique."""
    shown = (
        ("coverage", "Coverage", "questions with a right answer"),
        ("correct", "Correct answers", "distinct correct answers"),
        ("unique", "Unique answers", "distinct answers"),
    )
    setups = [results.many(method) for method in results.methods]
    figures = []
    for name, title, label in shown:
        lines = []
        for setup in setups:
            curves = results.report(setup)["curves"]
            curve = curves[name]
            place = _place(setup.method)
            lines.append(Line(setup.label, place, curves["answers"], curve["value"], curve["lo"], curve["hi"]))
        caption = f"{label[0].upper()}{label[1:]}, mean over questions, with 95% intervals."
        labels = ("answers asked for", label)
        figures.append(_figure(f"answers-{name}", title, caption, lines, labels, share=name == "coverage"))
    return [*figures, _tokens_figure(results, setups), _unique_figure(results, setups)]


def _tokens_figure(results: Results, setups: Sequence[Setup]) -> Figure:
    lines = []
    for setup in setups:
        curves = results.report(setup)["curves"]
        k = METHODS[setup.method].answers(results.k)
        ends = slice(k - 1, None, k)  # a generation is paid for whole: only its last answer has its full worth
        correct = {part: curves["correct"][part][ends] for part in ("value", "lo", "hi")}
        tokens = curves["tokens"]["value"][ends]
        lines.append(Line(setup.label, _place(setup.method), tokens, *correct.values()))
    caption = "Each line goes from one generation to the last; more correct answers for fewer tokens is up and left."
    labels = ("tokens generated for a question", "distinct correct answers")
    return _figure("tokens", "Correct answers by tokens spent", caption, lines, labels)


def _unique_figure(results: Results, setups: Sequence[Setup]) -> Figure:
    """How many questions have how many unique answers among the most that were asked for."""
    most = results.params.evaluate.answers
    lines = []
    for setup in setups:
        histogram = results.report(setup)["unique_histogram"]
        found = histogram["questions"]
        end = max((n for n, questions in enumerate(found) if questions), default=0) + 1
        shares = [questions / (sum(found) or 1) for questions in found[:end]]
        asked = histogram["answers"]
        name = setup.label if asked == most else f"{setup.label} (of {asked})"
        lines.append(Line(name, _place(setup.method), histogram["unique"][:end], shares))
    caption = f"The share of questions that have so many distinct answers among {most} asked for."
    labels = ("distinct answers", "share of questions")
    return _figure("unique-histogram", f"Unique answers among {most}", caption, lines, labels, steps=True)


def reliability_figures(results: Results) -> list[Figure]:
    """One reliability diagram for each method that states confidences."""
    found = {method: results.report(results.one(method))["calibration"] for method in results.methods}
    return [_reliability(method, bins["reliability"]) for method, bins in found.items() if bins is not None]


def _reliability(method: str, bins: Sequence[Mapping[str, Any]]) -> Figure:
    title = f"Reliability of {method}"
    text = f"Share of right answers against stated confidence of {method}, in bins of equal width."
    caption = "Marks with 95% intervals, their size and the bars by the number of answers in each bin."
    rows: list[tuple[str, ...]] = [
        (
            f"{b['from']:.1f}–{b['to']:.1f}",
            f"{b['n']:,}",
            number(b["stated"], 3),
            number(b["observed"], 3),
            interval(b, 3) or "–",
        )
        for b in bins
    ]
    numbers = Listing(title, ("bin", "answers", "mean stated", "right", "95% interval"), rows)
    key = f"reliability-{method}"
    chart = draw(key, title, text, lambda drawing: _draw_reliability(drawing, bins, _place(method)), _TALL)
    return Figure(key, caption, chart, numbers)


def _figure(
    key: str,
    title: str,
    caption: str,
    lines: Sequence[Line],
    labels: tuple[str, str],
    share: bool = False,
    steps: bool = False,
) -> Figure:
    """A figure of lines.

    Args:
        key, title, caption: of the figure.
        lines: the series, drawn in this order.
        labels: of x and y.
        share: whether y is a share, shown from 0 to 1.
        steps: whether a value holds from half a unit before its x to half a unit after, as in a histogram.
    """
    x_label, y_label = labels
    description = f"{y_label} against {x_label}, for {', '.join(line.name for line in lines)}."
    chart = draw(key, title, description, lambda drawing: _draw_lines(drawing, lines, labels, share, steps), _HEIGHT)
    rows: list[tuple[str, ...]] = [
        (line.name, f"{x:,.4g}", number(y, 3)) for line in lines for x, y in _thinned(line) if y is not None
    ]
    return Figure(key, caption, chart, Listing(title, ("series", x_label, y_label), rows))


def _thinned(line: Line) -> list[tuple[float, float | None]]:
    """At most about thirty points of a line, the last among them, for its table."""
    points = list(zip(line.x, line.y, strict=True))
    step = max(1, len(points) // 30)
    return points[(len(points) - 1) % step :: step]


def _draw_lines(
    drawing: Drawing, lines: Sequence[Line], labels: tuple[str, str], share: bool = False, steps: bool = False
) -> None:
    axes = drawing.subplots()
    _set_out(axes, *labels)
    for line in lines:
        style: dict[str, Any] = {"color": _ink(_INKS[line.place]), "linestyle": _DASHES[line.place]}
        x, y = _numbers(line.x), _numbers(line.y)
        if steps:
            edges = [x[0] - 0.5, *(at + 0.5 for at in x)]
            axes.stairs(y, edges, baseline=None, label=line.name, linewidth=2.2, **style)
        else:
            axes.plot(x, y, label=line.name, marker="o" if len(x) == 1 else "", **style)
        if line.lo:
            lo, hi = _numbers(line.lo), _numbers(line.hi)
            axes.fill_between(x, lo, hi, color=style["color"], alpha=0.16, linewidth=0)
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    low, high = axes.dataLim.intervaly
    if share:
        axes.set_ylim(0, 1.03)
    elif 0 <= low <= high / 2:  # from 0, where that wastes less than half of the picture
        axes.set_ylim(bottom=0)
    drawing.legend(loc="lower left", bbox_to_anchor=(_LEFT / _WIDTH, 0), ncols=2, labelcolor=_ink("--soft"))
    _leave(drawing, bottom=_LABELS + _LEGEND_ROW * math.ceil(len(lines) / 2))


def _draw_reliability(drawing: Drawing, bins: Sequence[Mapping[str, Any]], place: int) -> None:
    above, below = drawing.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    _set_out(above, "", "share that is right")
    _set_out(below, "stated confidence", "answers")
    ink = _ink(_INKS[place])
    stated, observed = [b["stated"] for b in bins], [b["observed"] for b in bins]
    counts = [b["n"] for b in bins]
    above.plot([0, 1], [0, 1], color=_ink("--soft"), linewidth=1, linestyle=(0, (4, 4)))
    above.vlines(stated, _numbers(b["lo"] for b in bins), _numbers(b["hi"] for b in bins), color=ink, linewidth=1.4)
    above.scatter(stated, observed, s=[20 + 120 * n / max(counts) for n in counts], color=ink, linewidth=0, zorder=3)
    below.bar(stated, counts, width=0.04, color=ink, alpha=0.6)
    above.set_xlim(-0.02, 1.02)
    above.set_ylim(-0.02, 1.04)
    below.locator_params(axis="y", nbins=2, integer=True)
    drawing.align_ylabels()
    _leave(drawing, bottom=_LABELS)


def _set_out(axes: Axes, x_label: str, y_label: str) -> None:
    soft, grid = _ink("--soft"), _ink("--grid")
    axes.set_xlabel(x_label, color=soft)
    axes.set_ylabel(y_label, color=soft)
    axes.tick_params(labelcolor=soft)
    axes.spines["bottom"].set_color(soft)
    axes.grid(axis="y", color=grid)
    axes.margins(x=0.02)
    axes.locator_params(nbins=6)


def _leave(drawing: Drawing, bottom: float) -> None:
    """Keep room for labels and legend, by number; matplotlib's own layout draws everything several times to find it."""
    height = drawing.get_figheight() * 72
    drawing.subplots_adjust(_LEFT / _WIDTH, bottom / height, 1 - 8 / _WIDTH, 1 - 8 / height, hspace=0.12)


def _numbers(values: Iterable[float | None]) -> list[float]:
    """Values with NaN, a gap in what is drawn, for None."""
    return [float("nan") if value is None else value for value in values]


def _ink(variable: str) -> str:
    """The colour that stands for a variable of the page until the picture is drawn."""
    return f"#0101{_INKS.index(variable):02x}"


def draw(key: str, title: str, description: str, fill: Callable[[Drawing], None], height: int) -> Markup:
    """A picture as inline SVG, with its title and description for screen readers.

    Args:
        key: makes the ids of the picture unique on its page.
        title, description: what it is, and what it shows in a sentence.
        fill: draws.
        height: in units of which the width has 340.
    """
    import matplotlib
    from matplotlib.figure import Figure as Drawing

    text = io.StringIO()
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": key}):
        drawing = Drawing(figsize=(_WIDTH / 72, height / 72))
        fill(drawing)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        drawing.savefig(text, format="svg", transparent=True, metadata=nothing)
    inner = text.getvalue().partition("</defs>")[2]  # the first holds a style sheet, which would be the whole page's
    named = set(re.findall(r"#(\w+)", inner))
    inner = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in named else "", inner)
    inner = re.sub(r"#0101(\w\w)\b", lambda found: f"var({_INKS[int(found[1], 16)]})", inner)
    inner = inner.replace("font-family: 'DejaVu Sans', sans-serif", "font-family: inherit")
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{key}-title {key}-text">').format(
        _WIDTH, height, key=key
    )
    said = Markup('<title id="{key}-title">{}</title><desc id="{key}-text">{}</desc>')
    return head + said.format(title, description, key=key) + Markup(inner)  # matplotlib escapes what it writes
