"""The report's figures: which series are drawn, with the numbers behind them as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from setwise.evaluation import MetricsReport
from setwise.methods import METHODS
from setwise.report.numbers import count, interval, number
from setwise.report.results import Results, Setup
from setwise.report.svg import Axes, Line, line_chart, reliability_chart
from setwise.report.sweeps import runs


@dataclass(frozen=True)
class Figure:
    """A chart with what stands around it.

    Attributes:
        key: its id on the page.
        title, caption: above and below it.
        chart: the SVG.
        legend: (css class, name) of each series; empty where the title says it.
        header, rows: the numbers behind it.
    """

    key: str
    title: str
    caption: str
    chart: Markup
    legend: tuple[tuple[str, str], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def css(setup: Setup) -> str:
    """The class of a set-up in the style sheet: its method's, told apart where it is a baseline."""
    other = "" if setup.protocol == "one" or setup.protocol == "curve" else f" p-{setup.protocol.split('-')[0]}"
    return f"m-{setup.method}{other}"


def training_figures(results: Results) -> list[Figure]:
    """Training curves: reward, valid completions and coverage by step, smoothed a little."""
    shown = (
        ("train/reward", "Reward while training", "mean reward of a step"),
        ("train/valid", "Valid completions while training", "share of completions"),
        ("train/coverage", "Coverage while training", "share of sets with a right answer"),
    )
    figures = []
    for name, title, label in shown:
        lines = [_training_line(results, method, name) for method in results.methods]
        lines = [line for line in lines if line.x]
        if lines:
            caption = "Mean over a window of a twentieth of the steps; while training, at the training temperature."
            axes = Axes("step", label, y=None if name == "train/reward" else (0.0, 1.0))
            figures.append(_figure(name.replace("/", "-"), title, caption, lines, axes))
    return figures


def _training_line(results: Results, method: str, name: str) -> Line:
    rows = [row for row in results.curves[method] if name in row]
    steps, values = [row["step"] for row in rows], [row[name] for row in rows]
    width = max(1, len(values) // 20)
    return Line(method, f"m-{method}", steps, smooth(values, width))


def smooth(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value and its up to `width` − 1 predecessors."""
    return [sum(window) / len(window) for i in range(len(values)) for window in [values[max(0, i - width + 1) : i + 1]]]


def sweep_figures(results: Results) -> list[Figure]:
    """Reward while training, by K, where a sweep over K left its curves."""
    figures = []
    for method in METHODS:
        by_k = {run["k"]: run["curve"] for run in runs(results.sweeps, method) if run.get("curve")}
        if len(by_k) < 2:
            continue
        lines = []
        for place, (k, rows) in enumerate(sorted(by_k.items())):
            values = [row["train/hits"] for row in rows]
            smoothed = smooth(values, max(1, len(values) // 20))
            lines.append(Line(f"K = {k}", f"k-{place}", [row["step"] for row in rows], smoothed))
        caption = "One run for each K, the one with the highest seed."
        title = f"Right answers per set while training {method}, by K"
        figures.append(_figure(f"sweep-{method}", title, caption, lines, Axes("step", "right answers per set")))
    return figures


def answer_figures(results: Results) -> list[Figure]:
    """What n answers bring: coverage, correct and unique answers, and tokens against correct answers."""
    shown = (
        ("coverage", "Coverage", "questions with a right answer", (0.0, 1.0)),
        ("correct", "Correct answers", "distinct correct answers", None),
        ("unique", "Unique answers", "distinct answers", None),
    )
    setups = [results.many(method) for method in results.methods]
    figures = []
    for name, title, label, bounds in shown:
        lines = [_curve_line(results.report(setup), setup, name) for setup in setups]
        caption = f"{label[0].upper()}{label[1:]}, mean over questions, with 95% intervals."
        figures.append(_figure(f"answers-{name}", title, caption, lines, Axes("answers asked for", label, y=bounds)))
    return [*figures, _tokens_figure(results, setups)]


def _curve_line(report: MetricsReport, setup: Setup, name: str) -> Line:
    curve = report["curves"][name]
    answers = report["curves"]["answers"]
    return Line(setup.label, f"m-{setup.method}", answers, curve["value"], curve["lo"], curve["hi"])


def _tokens_figure(results: Results, setups: Sequence[Setup]) -> Figure:
    lines = []
    for setup in setups:
        curves = results.report(setup)["curves"]
        correct = curves["correct"]
        k = METHODS[setup.method].answers(results.k)
        ends = slice(k - 1, None, k)  # a generation is paid for whole: only its last answer has its full worth
        tokens = curves["tokens"]["value"][ends]
        lines.append(
            Line(
                setup.label,
                f"m-{setup.method}",
                tokens,
                correct["value"][ends],
                correct["lo"][ends],
                correct["hi"][ends],
            )
        )
    caption = "Each line goes from one generation to the last; more correct answers for fewer tokens is up and left."
    axes = Axes("tokens generated for a question", "distinct correct answers")
    return _figure("tokens", "Correct answers by tokens spent", caption, lines, axes)


def unique_figure(results: Results) -> Figure:
    """How many questions have how many unique answers among the most that were asked for."""
    lines = []
    for method in results.methods:
        histogram = results.report(results.many(method))["unique_histogram"]
        total = sum(histogram["questions"]) or 1
        last = max(
            (n for n, found in zip(histogram["unique"], histogram["questions"], strict=True) if found), default=0
        )
        shares = [questions / total for questions in histogram["questions"][: last + 1]]
        asked = histogram["answers"]
        name = method if asked == results.params.evaluate.answers else f"{method} (of {asked})"
        lines.append(Line(name, f"m-{method}", histogram["unique"][: last + 1], shares, step=True))
    most = results.params.evaluate.answers
    title = f"Unique answers among {most}"
    axes = Axes("distinct answers", "share of questions", x=(-0.5, max(line.x[-1] for line in lines) + 0.5))
    caption = f"The share of questions that have so many distinct answers among {most} asked for."
    return _figure("unique-histogram", title, caption, lines, axes)


def reliability_figures(results: Results) -> list[Figure]:
    """One reliability diagram for each method that states confidences."""
    found = {method: results.report(results.one(method))["calibration"] for method in results.methods}
    return [_reliability(method, bins["reliability"]) for method, bins in found.items() if bins is not None]


def _reliability(method: str, bins: Sequence[Mapping[str, Any]]) -> Figure:
    stated, observed, lo, hi, n = ([b[part] for b in bins] for part in ("stated", "observed", "lo", "hi", "n"))
    line = Line(method, f"m-{method}", stated, observed, lo, hi, counts=n)
    key, title = f"reliability-{method}", f"Reliability of {method}"
    text = f"Share of right answers against stated confidence of {method}, in bins of equal width."
    axes = Axes("stated confidence", "share that is right", x=(0.0, 1.0), y=(0.0, 1.0))
    caption = "Marks with 95% intervals, their size and the bars by the number of answers in each bin."
    rows = tuple(
        (f"{b['from']:.1f}–{b['to']:.1f}", count(b["n"]), number(b["stated"], 3), number(b["observed"], 3), _bounds(b))
        for b in bins
    )
    header = ("bin", "answers", "mean stated", "right", "95% interval")
    return Figure(key, title, caption, reliability_chart(key, title, text, line, axes), (), header, rows)


def _bounds(entry: Mapping[str, Any]) -> str:
    return interval(entry, 3) or "–"


def _figure(key: str, title: str, caption: str, lines: Sequence[Line], axes: Axes) -> Figure:
    description = f"{axes.y_label} against {axes.x_label}, for {', '.join(line.name for line in lines)}."
    chart = line_chart(key, title, description, lines, axes)
    legend = tuple((line.css, line.name) for line in lines)
    header = ("series", axes.x_label, axes.y_label)
    rows = tuple((line.name, f"{x:,.4g}", number(y, 3)) for line in lines for x, y in _thinned(line) if y is not None)
    return Figure(key, title, caption, chart, legend, header, rows)


def _thinned(line: Line) -> list[tuple[float, float | None]]:
    """At most about thirty points of a line, the last among them, for its table."""
    points = list(zip(line.x, line.y, strict=True))
    step = max(1, len(points) // 30)
    return points[(len(points) - 1) % step :: step]
