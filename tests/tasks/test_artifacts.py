"""Text goes into artifacts so that Prefect's pages show it as it is."""

import ast
import re

import pytest
from planted import TEXTS
from smoke_workspace import REPOSITORY

from tasks.artifacts import as_markdown

MEANS_SOMETHING = re.compile(r"(?<!\\)[`*_\[\]<>~|]")


@pytest.mark.parametrize("text", [*TEXTS, "`code`", "**bold** _it_ ~~gone~~", "![x](http://example.org/x.png)"])
def test_no_sign_of_markdown_or_html_is_left_bare(text: str) -> None:
    escaped = as_markdown(text)
    assert not MEANS_SOMETHING.search(escaped)
    assert "\n" not in escaped
    assert re.sub(r"\\(.)", r"\1", escaped) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("# head", r"\# head"),
        ("1. one", r"1\. one"),
        ("2) two", r"2\) two"),
        ("- item", r"\- item"),
        ("+0.1 better", r"\+0.1 better"),
        ("a\\[b", r"a\\\[b"),
        ("plain, 0.5 at k = 3", "plain, 0.5 at k = 3"),
        ("", ""),
    ],
)
def test_what_begins_a_line_is_no_heading_and_no_list(text: str, escaped: str) -> None:
    assert as_markdown(text) == escaped


def test_every_table_that_a_flow_shows_goes_through_the_escaping() -> None:
    for folder in ("flows", "tasks"):
        for path in (REPOSITORY / folder).glob("*.py"):
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert path.name == "artifacts.py" or "create_table_artifact" not in names, path
