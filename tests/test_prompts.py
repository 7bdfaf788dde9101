"""The prompt leaves the whole layout to the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.policy import load_tokenizer
from setwise.prompts import build_prompt, layout_instruction
from setwise.training.tokenizer import build_tokenizer


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


# What templates do with the messages, whatever model they come from.
ALL = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}\n{% endfor %}"
ALTERNATES = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{{ m['content'] }}{% endfor %}"
)
WITHOUT_SYSTEM_ROLE = {
    "refuses": "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + ALL,
    "alternates": ALTERNATES,
    "skips": "{% for m in messages if m['role'] != 'system' %}<{{ m['content'] }}>{% endfor %}",
    "default in its place": "Be kind.{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
    "knows no such key": "{% for m in messages %}{{ {'user': 'U'}[m['role']] + m['content'] }}{% endfor %}",
}
WITH_SYSTEM_ROLE = {
    "as it is": ALL,
    "strips": "{% for m in messages %}{{ m['content'] | trim }}|{% endfor %}",
    "folds white space": "{% for m in messages %}{{ m['content'].split() | join(' ') }}|{% endfor %}",
    "adds a default before it": "You are helpful. " + ALL,
    "puts it into the last turn": "{{ messages[-1]['content'] }}{{ messages[0]['content'] }}",
    "one of several": {"default": ALL, "tool_use": "no"},
}
UNUSABLE = {
    "drops the question": "{% for m in messages if m['role'] == 'system' %}{{ m['content'] }}{% endfor %}",
    "drops everything": "Hello.",
    "is blank": " ",
    "cuts": "{% for m in messages %}{{ m['content'][:20] }}{% endfor %}",
    "capitals": "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}",
    "raises": "{{ raise_exception('not\nfor you') }}",
    "is broken": "{% for m in messages %}",
    "reckons": "{{ 1 // 0 }}",
    "none is the default": {"tool_use": ALL},
    "takes parts alone": "{% for m in messages %}{% for part in m.content %}{{ part['text'] }}{% endfor %}{% endfor %}",
}
LAYOUT = Layout(2, True)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("model")
    build_tokenizer(["who is it"], 300).save_pretrained(folder)
    return load_tokenizer(folder)


def asked(tokenizer: Any, template: Any, question: str, instruction: str = "Do it.") -> str:
    tokenizer.chat_template = template
    return build_prompt(question, LAYOUT, tokenizer, instruction)


@pytest.mark.parametrize("name", WITHOUT_SYSTEM_ROLE)
@settings(max_examples=50)
@given(question=st.text(st.characters(codec="utf-8"), max_size=30))
def test_without_a_system_role_the_instruction_stands_in_front_of_the_question(
    tokenizer: Any, name: str, question: str
) -> None:
    text = asked(tokenizer, WITHOUT_SYSTEM_ROLE[name], question)
    assert f"Do it.\n{layout_instruction(LAYOUT)}\n\n{question}".strip() in text


@pytest.mark.parametrize("name", WITH_SYSTEM_ROLE)
@pytest.mark.parametrize("question", ["Who?", "  Who?\n", "an answer", "<think>", "a < b {{ c }} </think>", "é\u2028x"])
def test_a_template_with_a_system_role_gets_the_instruction_there(tokenizer: Any, name: str, question: str) -> None:
    text = asked(tokenizer, WITH_SYSTEM_ROLE[name], question)
    folded = " ".join(text.split())
    assert " ".join(question.split()) in folded.replace(" ".join(layout_instruction(LAYOUT).split()), "", 1)
    assert f"{layout_instruction(LAYOUT)}\n\n{question}" not in text


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_template_that_loses_a_part_either_way_is_refused_in_one_line_that_names_the_model(
    tokenizer: Any, name: str
) -> None:
    with pytest.raises(InputError) as refused:
        asked(tokenizer, UNUSABLE[name], "Who is it?")
    assert str(refused.value).startswith(f"model {tokenizer.name_or_path}: its chat template can't be used (")
    assert "\n" not in str(refused.value)


def test_a_question_that_ends_like_an_opened_reasoning_is_kept_whole(tokenizer: Any) -> None:
    bare = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    assert asked(tokenizer, bare, "What is <think>").endswith("What is <think>")
    assert asked(tokenizer, bare + "<think>\n", "What is <think>").endswith("What is <think>")


@pytest.mark.parametrize("template", [None, "", {}])
def test_without_a_chat_template_the_plain_prompt_is_asked(tokenizer: Any, template: Any) -> None:
    assert asked(tokenizer, template, "Who?") == "Who?\n2 answers with confidence:"
