"""Code and pickles that come with a model are refused unless a param lets them in, and then a warning says so."""

import json
import logging

import pytest
import torch
from scale_world import make_params

from setwise.errors import InputError
from setwise.params import ModelParams
from setwise.policy import build_model, load_policy
from setwise.training.tokenizer import build_tokenizer

CODE = """
from pathlib import Path
from transformers import Qwen3Config, Qwen3ForCausalLM

Path("{marker}").touch()


class OwnConfig(Qwen3Config):
    model_type = "own"


class OwnModel(Qwen3ForCausalLM):
    config_class = OwnConfig
"""


@pytest.fixture
def folder(tmp_path):
    tokenizer = build_tokenizer(["a fever", "a cough"], 400)
    params = ModelParams(hidden_size=16, intermediate_size=16, layers=1, heads=2)
    model = build_model(params, tokenizer, seed=0)
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def with_code(folder, marker):
    """Make the folder's model one that brings its own code, which leaves a mark when it runs."""
    (folder / "own.py").write_text(CODE.format(marker=marker))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))


def with_pickle(folder):
    """Put the weights into a pickle file in place of the safetensors."""
    model, _ = load_policy(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def test_both_are_off_unless_the_params_say_otherwise():
    assert not make_params().model.trust_remote_code
    assert make_params().model.safetensors_only


def test_code_that_comes_with_a_model_does_not_run(folder, tmp_path):
    with_code(folder, tmp_path / "ran")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_policy(folder)
    assert not (tmp_path / "ran").exists()


def test_code_runs_where_the_param_is_on_and_a_warning_says_so(folder, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    with_code(folder, tmp_path / "ran")
    with caplog.at_level(logging.WARNING, "setwise"):
        load_policy(folder, trust_remote_code=True)
    assert (tmp_path / "ran").exists()
    assert "trust_remote_code is on" in caplog.text


def test_weights_in_a_pickle_file_are_refused(folder):
    with_pickle(folder)
    with pytest.raises(InputError, match=r"give a folder with \*\.safetensors"):
        load_policy(folder)


def test_a_pickle_file_is_read_where_the_param_is_off_and_a_warning_says_so(folder, caplog):
    with_pickle(folder)
    with caplog.at_level(logging.WARNING, "setwise"):
        model, _ = load_policy(folder, safetensors_only=False)
    assert sum(p.numel() for p in model.parameters()) > 0
    assert "safetensors_only is off" in caplog.text
