"""The rewards work without the pipeline: TRL's own command trains with one, named by its dotted path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from setwise.answers import AnswerSet, Layout, render

QUESTION = "Which cities are capitals?"
CITIES = ["Paris", "Rome", "Oslo", "Nice"]


def write_model(folder: Path) -> None:
    """A tiny Qwen3 whose words are whole completions, so that an untrained one already says sets."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    layout = Layout(3, True)
    sets = [
        render(AnswerSet((one, two, "Lyon"), (p, q, 0.1)), layout)
        for one in CITIES
        for two in CITIES
        for p in (0.1, 0.9)
        for q in (0.1, 0.9)
        if one != two
    ]
    words = ["<pad>", "<eos>", QUESTION, "no set at all", *sets]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<pad>")),
        pad_token="<pad>",
        eos_token="<eos>",
        padding_side="left",
    )
    config = Qwen3Config(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=16, eos_token_id=1, pad_token_id=0,
        bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The training log of `trl grpo --reward_funcs setwise.rewards.rlcr_multi` on a JSONL file."""
    folder = tmp_path_factory.mktemp("trl")
    write_model(folder / "model")
    row = {"prompt": QUESTION, "gold": [["Paris", "Paname"], ["Rome"], ["Oslo"]], "match": "text", "exclusive": False}
    (folder / "data").mkdir()
    (folder / "data" / "train.jsonl").write_text("\n".join([json.dumps(row)] * 64))
    settings = {
        "model_name_or_path": folder / "model", "dataset_name": folder / "data", "output_dir": folder / "out",
        "reward_funcs": "setwise.rewards.rlcr_multi", "max_steps": 30, "per_device_train_batch_size": 64,
        "num_generations": 64, "max_completion_length": 2, "learning_rate": 0.05, "lr_scheduler_type": "constant",
        "scale_rewards": "batch", "logging_steps": 1, "save_steps": 30, "report_to": "none", "bf16": "false",
        "dtype": "float32", "log_completions": "true", "num_completions_to_print": 1, "seed": 0, "use_cpu": "true",
    }  # fmt: skip
    arguments = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hub")
    }  # fmt: skip
    trl = Path(sys.executable).with_name("trl")
    done = subprocess.run(
        [trl, "grpo", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    state = json.loads((folder / "out" / "checkpoint-30" / "trainer_state.json").read_text())
    steps: list[dict[str, Any]] = [row for row in state["log_history"] if "reward" in row]
    return steps


def test_trl_trains_a_model_with_the_reward(history: list[dict[str, Any]]) -> None:
    means = [row["rewards/rlcr_multi/mean"] for row in history]
    assert len(means) == 30
    assert max(means[:3]) < min(means[-3:])


def test_parts_and_reasons_stand_in_the_training_log(history: list[dict[str, Any]]) -> None:
    first = history[0]
    parts = first["rlcr_multi/format"] + first["rlcr_multi/correctness"] + first["rlcr_multi/brier"]
    assert parts == pytest.approx(first["rewards/rlcr_multi/mean"], abs=1e-5)
    reasons = {name: value for name, value in first.items() if name.startswith("rlcr_multi/invalid/")}
    assert first["rlcr_multi/valid"] + sum(reasons.values()) == pytest.approx(1)
    assert "rlcr_multi/invalid/duplicate" in reasons
