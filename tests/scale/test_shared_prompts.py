"""Training with each prompt computed once per group takes the steps of TRL's way, once per completion."""

import pytest
import torch
from safetensors.torch import load_file
from scale_world import METHOD, STEPS, make_params, make_workspace

from setwise.domains.parquet import read_examples
from setwise.training import rl
from setwise.training.train import train_method

SETTINGS = {
    "a whole batch": {},
    "groups cut by micro-batches": {"scale": {"micro_batch": 2}},
    "a KL term": {"train": {"beta": 0.05}, "scale": {"micro_batch": 8}},
    "LoRA and gradient checkpointing": {
        "scale": {
            "lora": {"rank": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]},
            "gradient_checkpointing": True,
        }
    },
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("shared") / "source")


def train(workspace, params, workdir):
    """The weights after the last step, and how many positions the model was given in all."""
    examples = read_examples(workspace / "data" / "clinic" / "train.parquet")
    trained = train_method(params, METHOD, workspace / "models" / "warmstart", examples, workdir, None)
    assert trained.steps == STEPS
    newest = next((workdir / f"checkpoint-{STEPS}").glob("*model.safetensors"))
    return load_file(newest)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_weights_are_those_of_one_prompt_per_completion(workspace, tmp_path, monkeypatch, name):
    sections = SETTINGS[name]
    params = make_params(**{**sections, "train": {"learning_rate": 1e-3, **sections.get("train", {})}})
    packed = []
    pack = rl.pack_groups

    def counted(*batch):
        packed.append(batch[0].shape[0])
        return pack(*batch)

    monkeypatch.setattr(rl, "pack_groups", counted)
    shared = train(workspace, params, tmp_path / "shared")
    assert packed, "no batch was packed"
    monkeypatch.setattr(rl, "why_not_shared", lambda model: "switched off by this test")
    packed.clear()
    apart = train(workspace, params, tmp_path / "apart")
    assert not packed
    assert shared.keys() == apart.keys()
    for key, weight in apart.items():
        assert torch.allclose(shared[key], weight, atol=1e-5), key


def test_bfloat16_computes_the_same_to_its_own_precision(workspace, tmp_path, monkeypatch):
    params = make_params(scale={"mixed_precision": "bf16"}, train={"learning_rate": 1e-4})
    shared = train(workspace, params, tmp_path / "shared")
    monkeypatch.setattr(rl, "why_not_shared", lambda model: "switched off by this test")
    apart = train(workspace, params, tmp_path / "apart")
    start = load_file(workspace / "models" / "warmstart" / "model.safetensors")
    moved = sum(float((apart[key].float() - start[key].float()).pow(2).sum()) for key in start if key in apart)
    between = sum(float((apart[key].float() - shared[key].float()).pow(2).sum()) for key in apart)
    assert moved > 0
    assert between < moved
