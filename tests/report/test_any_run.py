"""A report is made of whatever run there is: few methods, one question, no posterior, nothing valid."""

from pathlib import Path
from typing import Any

import pytest
from browser import look
from report_workspace import make_workspace

from setwise.domains.parquet import read_examples
from setwise.report import read_results
from setwise.report.page import find, render_markdown, render_page

ALL = ("rlvr_single", "rlcr_single", "rlvr_multi", "rlcr_multi")


def make(root: Path, **kind: Any) -> tuple[str, str]:
    """The page and the short form of a run of that kind."""
    params = make_workspace(root, **kind)
    reports, examples = root / "reports", read_examples(root / "data" / "clinic" / "test.parquet")
    places = reports / "evaluation", reports / "curves", reports / "validation.json", reports / "sweeps"
    findings = find(read_results(params, examples, *places))
    return render_page(findings), render_markdown(findings)


@pytest.mark.parametrize(
    "kind",
    [
        {"n": 12, "methods": ("rlvr_multi",)},
        {"n": 12, "methods": ("rlvr_single",)},
        {"n": 12, "methods": ("rlvr_single", "rlcr_single")},
        {"n": 1, "methods": ALL},
        {"n": 12, "methods": ALL, "several": True},
        {"n": 12, "methods": ALL, "invalid": True},
    ],
    ids=["one multi", "one single", "singles", "one question", "no posterior", "nothing valid"],
)
def test_a_report_is_made_and_shows_no_number_that_is_none(tmp_path: Path, kind: dict[str, Any]) -> None:
    page, short = make(tmp_path, **kind)
    for text in (page, short):
        for word in ("nan", "inf", "None"):
            assert f"{word} " not in text.replace("None of", "") and f">{word}<" not in text, word
    script = "return [doc.documentElement.scrollWidth, doc.querySelectorAll('figure > svg').length];"
    width, figures = look(page, 400, script, tmp_path)
    assert width <= 400
    assert figures >= 8


def test_where_nothing_is_valid_that_is_the_first_warning(tmp_path: Path) -> None:
    _, short = make(tmp_path, n=12, methods=("rlcr_multi",), invalid=True)
    assert "**Invalid completions** count as worst; the share that is valid: rlcr\\_multi 0.000" in short


def test_several_right_answers_are_a_contest_of_their_own(tmp_path: Path) -> None:
    _, short = make(tmp_path, n=30, methods=ALL, several=True)
    assert "has the most right answers among 3: correct@3" in short
