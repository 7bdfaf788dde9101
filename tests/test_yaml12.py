"""Params and lock files are read as DVC means them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import modify_yaml
from hypothesis import example, given
from hypothesis import strategies as st
from smoke_workspace import REPOSITORY

from setwise.params import load_params
from setwise.recipes import use_recipe
from setwise.yaml12 import YAMLError, dump_yaml, load_yaml

_TEXTS = st.text(st.characters(max_codepoint=0x17F, exclude_categories=["C"]), max_size=20) | st.from_regex(
    r"[-+0-9a-fox.:_~]{1,6}", fullmatch=True
)


def test_params_that_dvc_has_rewritten_are_the_same_but_for_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    original = use_recipe("clinic", REPOSITORY / "recipes", path).params
    with modify_yaml(str(path)) as content:  # what `dvc exp run -S k=4` does
        content["k"] = 4
    assert load_params(path) == original.model_copy(update={"k": 4})


def test_a_number_with_an_exponent_is_a_number() -> None:
    assert load_yaml("rate: 1e-3") == {"rate": 0.001}


def test_what_is_written_reads_back_in_its_order() -> None:
    content = {"stages": {"b": {"params": {"mixed_precision": "no", "draws": "off"}}, "a": None, "ä": [1, 0.5, True]}}
    written = dump_yaml(content)
    assert load_yaml(written) == content
    assert list(load_yaml(written)["stages"]) == ["b", "a", "ä"]  # type: ignore[index]


@given(st.dictionaries(_TEXTS, _TEXTS | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.none()))
@example({"off": "no", "08": "0o7", "1e-3": "1_000", "rate": 1e-6})
def test_what_is_written_is_the_same_to_readers_of_yaml_1_1(content: dict[str, object]) -> None:
    written = dump_yaml(content)
    assert load_yaml(written) == content
    assert yaml.safe_load(written) == content


@pytest.mark.parametrize(
    "text", ["k: 3\nk: 4", "{k: 3, k: 4}", "train:\n  steps: 3\n  'steps': 4", "- {a: {b: 1, b: 1}}", "? k\n: 3\nk: 4"]
)
def test_a_key_given_twice_is_refused(text: str) -> None:
    with pytest.raises(YAMLError, match="duplicate key"):
        load_yaml(text)


@pytest.mark.parametrize("text", ["[" * 5000, "k: " + "9" * 5000, "{a: " * 3000])
def test_what_is_nested_too_deep_or_a_number_too_long_is_no_yaml(text: str) -> None:
    with pytest.raises(YAMLError):
        load_yaml(text)
