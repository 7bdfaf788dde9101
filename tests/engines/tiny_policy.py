"""A tiny policy in a folder, made in a second: with the domain's own tokenizer, plain or with a chat template."""

from __future__ import annotations

from pathlib import Path

import torch

from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.training.tokenizer import build_tokenizer

QUESTIONS = [f"A patient with fever and cough, case {i}. Which disease?" for i in range(40)]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def make_policy(folder: Path, *, chat: bool = False, dtype: torch.dtype = torch.float32) -> Path:
    """Save a Qwen3 of 64 units with random weights, as a Hub model's folder is laid out."""
    tokenizer = build_tokenizer([*QUESTIONS, "influenza", "bronchitis", "asthma"], 600)
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    params = ModelParams(hidden_size=64, intermediate_size=96, layers=2, heads=4, max_length=256)
    model = build_model(params, tokenizer, seed=3).to(dtype)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
