"""Params and lock files are read as DVC means them."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml
from smoke_workspace import REPOSITORY

from setwise.params import load_params
from setwise.yaml12 import YAMLError, dump_yaml, load_yaml


def test_params_that_dvc_has_rewritten_are_the_same_but_for_what_was_set(tmp_path: Path) -> None:
    original = REPOSITORY / "recipes" / "clinic.yaml"
    path = tmp_path / "params.yaml"
    path.write_text(original.read_text())
    with modify_yaml(str(path)) as content:  # what `dvc exp run -S k=4` does
        content["k"] = 4
    assert load_params(path) == load_params(original).model_copy(update={"k": 4})


def test_a_number_with_an_exponent_is_a_number() -> None:
    assert load_yaml("rate: 1e-3") == {"rate": 0.001}


def test_what_is_written_reads_back_in_its_order() -> None:
    content = {"stages": {"b": {"params": {"mixed_precision": "no", "draws": "off"}}, "a": None, "ä": [1, 0.5, True]}}
    written = dump_yaml(content)
    assert load_yaml(written) == content
    assert list(load_yaml(written)["stages"]) == ["b", "a", "ä"]  # type: ignore[index]


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
