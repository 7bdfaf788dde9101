"""The prompt leaves the whole layout to the model."""

from __future__ import annotations

from typing import Any

import pytest

from setwise.answers import Layout
from setwise.prompts import build_prompt, layout_instruction


class Templated:
    """A tokenizer whose chat template ends in `ending`."""

    chat_template = "set"

    def __init__(self, ending: str) -> None:
        self.ending = ending

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        assert options == {"tokenize": False, "add_generation_prompt": True}
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + self.ending


@pytest.mark.parametrize("opened", ["<think>", "<think>\n", "<think> \n\n"])
def test_a_template_that_opens_the_reasoning_leaves_it_to_the_model(opened: str) -> None:
    layout = Layout(3, True)
    asked = build_prompt("Which <think> is it?", layout, Templated(f"<assistant>\n{opened}"), "Name three.")  # type: ignore[arg-type]
    assert asked == f"<system>Name three.\n{layout_instruction(layout)}<user>Which <think> is it?<assistant>\n"


def test_a_template_that_does_not_is_kept_as_it_is() -> None:
    asked = build_prompt("Which?", Layout(), Templated("<assistant><think>\n\n</think>\n\n"))  # type: ignore[arg-type]
    assert asked.endswith("<user>Which?<assistant><think>\n\n</think>\n\n")


def test_the_optional_analysis_is_named_where_the_layout_reads_it() -> None:
    assert "analysis" not in layout_instruction(Layout(2, True))
    assert layout_instruction(Layout(2, True, analysis=True)).splitlines()[-1].startswith("<analysis>")
