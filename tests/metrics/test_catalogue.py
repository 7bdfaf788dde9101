"""The one table of metrics, and the page that explains them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from setwise.metrics.catalogue import CATALOGUE, chief_names, in_order, metric

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| (`[a-z0-9_]+`(?:, `[a-z0-9_]+`)*) \| [^|]+ \| (higher|lower)? ?\|$", re.MULTILINE)


def test_the_page_explains_every_metric_in_the_order_of_the_table_and_says_which_way_is_better() -> None:
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    explained = [(name, better or None) for names, better in rows for name in re.findall(r"`(\w+)`", names)]
    assert explained == [(name, entry.better) for name, entry in CATALOGUE.items()]


def test_a_metric_is_shown_with_its_k_whatever_its_form() -> None:
    assert metric("coverage_at_3_valid").label == "coverage@3"
    assert metric("pass_at_10").meaning == "chance of a right answer in 10 generations"
    assert metric("set_brier_valid") == metric("set_brier")


@pytest.mark.parametrize("name", ["coverage", "coverage_at_k", "recall_at_3", "speed"])
def test_what_is_no_metric_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        metric(name)


def test_metrics_are_put_in_the_order_of_the_table_by_group_and_then_by_k() -> None:
    found = in_order(["tokens_per_correct", "coverage_at_10", "coverage_at_3", "valid_rate", "auroc_valid"])
    assert list(found.items()) == [
        ("Right answers", ["valid_rate", "coverage_at_3", "coverage_at_10"]),
        ("Confidences", ["auroc_valid"]),
        ("Cost", ["tokens_per_correct"]),
    ]


def test_of_one_answer_coverage_stands_for_correct_answers_too() -> None:
    assert [name for name in chief_names(1) if "_at_" in name] == ["coverage_at_1"]
    assert [name for name in chief_names(3) if "_at_" in name] == ["coverage_at_1", "coverage_at_3", "correct_at_3"]
