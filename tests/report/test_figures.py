"""What the figures show, and how they stand on the page."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from planted import IMAGE, SCRIPT

from setwise.report import Results
from setwise.report.figures import (
    Figure,
    answer_figures,
    draw,
    reliability_figures,
    smooth,
    sweep_figures,
    training_figures,
)

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figures(results: Results) -> list[Figure]:
    return [*answer_figures(results), *reliability_figures(results), *training_figures(results)]


def parsed(chart: str) -> ElementTree.Element:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return ElementTree.fromstring(str.replace(chart, "<svg ", f"<svg {names} ", 1))


def texts(chart: str) -> list[str]:
    return [element.text or "" for element in parsed(chart).iter(f"{SVG}text")]


def curves(chart: str) -> list[str]:
    """The paths drawn as lines in a colour of the methods."""
    return [
        str(path.get("d"))
        for path in parsed(chart).iter(f"{SVG}path")
        if re.search(r"fill: none; stroke: var\(--c-", str(path.get("style"))) and " L " in f" {path.get('d')} "
    ]


def test_a_figure_is_named_and_described_for_those_who_do_not_see_it(figures: list[Figure]) -> None:
    for figure in figures:
        root = parsed(figure.chart)
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{figure.key}-title {figure.key}-text"
        assert root.findtext(f"{SVG}title") == figure.numbers.title
        assert len(str(root.findtext(f"{SVG}desc"))) > 20


def test_every_colour_is_one_of_the_page_and_words_are_text_in_its_font(figures: list[Figure], page: str) -> None:
    known = set(re.findall(r"(--[\w-]+):", page))
    for figure in figures:
        colours = {found for found in re.findall(r"(?:fill|stroke|color): ([^;\"]+)", figure.chart) if found != "none"}
        assert colours <= {f"var({name})" for name in known}
        assert "#0101" not in figure.chart and "<style" not in figure.chart
        assert {"rlcr_multi", "share that is right"} & set(texts(figure.chart))
        assert set(re.findall(r"font-family: ([^;\"]+)", figure.chart)) == {"inherit"}


def test_the_same_numbers_give_the_same_picture(results: Results) -> None:
    assert answer_figures(results) == answer_figures(results)
    assert training_figures(results) == training_figures(results)


def test_answers_and_tokens_are_counted_in_whole_numbers(results: Results) -> None:
    reports = {m: dict(found) for m, found in results.reports.items()}
    report = reports["rlvr_multi"]["curve"]
    first = {
        name: {part: v[:6] for part, v in curve.items()}
        for name, curve in report["curves"].items()
        if name != "answers"
    }
    first["tokens"] = {**first["tokens"], "value": [10_000.0 * n for n in range(1, 7)]}
    reports["rlvr_multi"]["curve"] = {**report, "curves": {**first, "answers": [1, 2, 3, 4, 5, 6]}}
    _, correct, _, tokens, _ = answer_figures(only(replace(results, reports=reports), "rlvr_multi"))
    assert {"1", "2", "3", "4", "5", "6"} <= set(texts(correct.chart)) and "1.5" not in texts(correct.chart)
    assert "40,000" in texts(tokens.chart)


def test_what_is_written_in_a_picture_is_escaped() -> None:
    def write(drawing: Any) -> None:
        drawing.subplots().set_xlabel(IMAGE)

    chart = draw("k", SCRIPT, IMAGE, write, 200)
    assert "<script" not in chart and "<img" not in chart
    assert IMAGE in texts(chart)
    assert parsed(chart).findtext(f"{SVG}title") == SCRIPT


def test_under_a_figure_stand_the_numbers_of_the_evaluation(results: Results, figures: list[Figure]) -> None:
    numbers = {figure.key: figure.numbers for figure in figures}
    curve = results.reports["rlvr_multi"]["curve"]["curves"]
    shown = [row for row in numbers["answers-correct"].rows if row[0] == "rlvr_multi"]
    assert [row[1] for row in shown] == [str(n) for n in curve["answers"]]
    assert [float(row[2]) for row in shown] == [round(value, 3) for value in curve["correct"]["value"]]
    bins = results.reports["rlcr_multi"]["one"]["calibration"]["reliability"]
    assert [row[1] for row in numbers["reliability-rlcr_multi"].rows] == [str(b["n"]) for b in bins]
    assert [float(row[3]) for row in numbers["reliability-rlcr_multi"].rows] == [
        pytest.approx(b["observed"], abs=6e-4) for b in bins
    ]


def test_a_gap_in_the_data_is_a_gap_in_the_line(results: Results) -> None:
    whole = curves(answer_figures(only(results, "rlvr_multi"))[1].chart)
    reports = {m: dict(found) for m, found in results.reports.items()}
    report = reports["rlvr_multi"]["curve"]
    correct = {part: [*values[:3], None, *values[4:]] for part, values in report["curves"]["correct"].items()}
    reports["rlvr_multi"]["curve"] = {**report, "curves": {**report["curves"], "correct": correct}}
    broken = curves(answer_figures(only(replace(results, reports=reports), "rlvr_multi"))[1].chart)
    assert sum(path.count("M") for path in whole) + 1 == sum(path.count("M") for path in broken)


def test_a_reliability_diagram_has_a_mark_and_a_bar_for_each_bin(results: Results, figures: list[Figure]) -> None:
    (figure,) = (f for f in figures if f.key == "reliability-rlcr_multi")
    filled = [
        str(path.get("style"))
        for path in parsed(figure.chart).iter(f"{SVG}path")
        if "fill: var(--c-rlcr_multi)" in str(path.get("style"))
    ]
    n_bins = len(results.reports["rlcr_multi"]["one"]["calibration"]["reliability"])
    assert (len([s for s in filled if "opacity" not in s]), len([s for s in filled if "opacity" in s])) == (
        n_bins,
        n_bins,
    )


def only(results: Results, *methods: str) -> Results:
    return replace(results, params=results.params.model_copy(update={"methods": methods}))


def sweep(*ks: int) -> dict[str, Any]:
    curve = [{"step": 1, "train/hits": 0.3}, {"step": 2, "train/hits": 0.6}]
    return {"runs": [{"method": "rlvr_multi", "k": k, "seed": 0, "metrics": {}, "curve": curve} for k in ks]}


def test_the_curves_of_a_sweep_are_drawn_by_k(results: Results) -> None:
    (figure,) = sweep_figures(replace(results, sweeps=[sweep(2, 3)]))
    assert {"K = 2", "K = 3"} <= set(texts(figure.chart))
    assert [row[:2] for row in figure.numbers.rows] == [("K = 2", "1"), ("K = 2", "2"), ("K = 3", "1"), ("K = 3", "2")]


def test_without_a_sweep_there_is_no_such_figure(results: Results) -> None:
    assert sweep_figures(results) == []
    assert sweep_figures(replace(results, sweeps=[sweep(2)])) == []


def test_a_curve_is_smoothed_over_what_went_before() -> None:
    assert smooth([1.0, 3.0, 5.0, 7.0], 2) == [1.0, 2.0, 4.0, 6.0]
