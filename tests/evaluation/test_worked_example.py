"""The worked example of `docs/metrics.md`: its table is read and every entry of it reproduced."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from evaluation_world import make_key, make_verdicts

from setwise.answers import Layout
from setwise.domains import Example
from setwise.engines import Completion
from setwise.evaluation import Match, Protocol, summarise
from setwise.evaluation.compare import match_tallies
from setwise.evaluation.tally import tally

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
MODELS = {
    "M": Protocol("one", Layout(k=2, confidences=True)),
    "S": Protocol("sample-2", Layout(k=1, confidences=True), generations=2, union=True),
}


def _example(number, gold, exclusive, **posterior):
    return Example("clinic", str(number), gold, "exact", exclusive, {}, posterior=tuple(posterior.items()))


EXAMPLES = [
    _example(1, (("a",),), True, a=0.5, b=0.3, c=0.2),
    _example(2, (("b",),), True, a=0.6, b=0.4),
    _example(3, (("a",), ("b",)), False),
    _example(4, (("c",),), True),
    _example(5, (("a", "a1"), ("b",), ("c",)), False),
]


def _set(first, q1, second, q2):
    return (
        f"<think> r </think> <answer1> {first} </answer1> <confidence1> {q1} </confidence1>"
        f" <answer2> {second} </answer2> <confidence2> {q2} </confidence2>"
    )


def _one(reasoning, answer, q):
    return f"<think> {reasoning} </think> <answer> {answer} </answer> <confidence> {q} </confidence>"


COMPLETIONS = {
    "M": [
        [(_set("a", 0.8, "b", 0.2), 20)],
        [(_set("a", 0.7, "c", 0.4), 20)],
        [(_set("a", 0.5, "b", 0.5), 24)],
        [(_set("a", 0.5, "a", 0.3), 16)],
        [(_set("d", 0.3, "a1", 0.9), 20)],
    ],
    "S": [
        [(_one("x y z", "a", 0.6), 10), (_one("x y z", "a", 0.8), 10)],
        [(_one("x", "b", 0.4), 10), ("lost", 6)],
        [(_one("x y", "b", 0.9), 10), (_one("y x", "a", 0.5), 10)],
        [(_one("x", "c", "1.0"), 10), (_one("", "b", 0.2), 12)],
        [("lost", 6), ("lost", 6)],
    ],
}


class Replay:
    """An engine that gives the completions of one model, by the question's number."""

    name, device = "replay", "cpu"

    def __init__(self, model):
        self.completions = COMPLETIONS[model]

    def generate(self, prompts, sampling):
        for prompt in prompts:
            yield [Completion(text, tokens, True) for text, tokens in self.completions[int(prompt) - 1]]


def _documented():
    """(metric, model) → the documented value, a Fraction or None where undefined."""
    table = DOCUMENT.read_text(encoding="utf-8").split("| metric | M | M valid | S | S valid |")[1]
    entries = {}
    for name, *cells in re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.*?) ?\| (.*?) ?\| (.*?) ?\|$", table, re.MULTILINE):
        for model, form, cell in zip("MMSS", ("", "_valid") * 2, cells, strict=True):
            if cell:
                entries[name + form, model] = None if cell == "undefined" else Fraction(cell)
    return entries


DOCUMENTED = _documented()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worked")
    for model, protocol in MODELS.items():
        make_verdicts(Replay(model), EXAMPLES, make_key(EXAMPLES, protocol), folder / f"{model}.parquet", part_rows=2)
    return {model: folder / f"{model}.parquet" for model in MODELS}


@pytest.fixture(scope="module")
def reports(paths):
    return {model: summarise(path, EXAMPLES, n_resamples=50) for model, path in paths.items()}


@pytest.mark.parametrize(("name", "model"), list(DOCUMENTED))
def test_a_documented_value_is_what_is_computed(reports, name, model):
    documented, computed = DOCUMENTED[name, model], reports[model]["metrics"][name]["value"]
    if documented is None:
        assert computed is None
    else:
        assert computed == pytest.approx(float(documented), rel=0, abs=1e-12)


@pytest.mark.parametrize("model", list(MODELS))
def test_the_document_leaves_no_metric_out(reports, model):
    assert {name for name, of in DOCUMENTED if of == model} == set(reports[model]["metrics"])


@pytest.mark.parametrize(
    ("model", "curves"),
    [
        ("M", {"coverage": ["3/5", "3/5"], "correct": ["3/5", "4/5"], "unique": ["4/5", "8/5"], "tokens": [20, 20]}),
        ("S", {"coverage": ["4/5", "4/5"], "correct": ["4/5", 1], "unique": ["4/5", "6/5"], "tokens": ["46/5", 18]}),
    ],
)
def test_the_documented_curves_are_what_is_computed(reports, model, curves):
    for name, points in curves.items():
        expected = [float(Fraction(point)) for point in points]
        assert reports[model]["curves"][name]["value"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_the_documented_differences_are_what_is_compared(paths):
    rows = match_tallies(*(tally(paths[model], EXAMPLES) for model in MODELS), Match(2, 2), n_resamples=50)
    differences = {row.metric: row.difference for row in rows}
    expected = {"coverage": 1 / 5, "correct": 1 / 5, "unique": -2 / 5, "tokens": -2}
    assert differences == pytest.approx(expected, rel=0, abs=1e-12)
