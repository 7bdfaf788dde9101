"""A group's prompt computed once gives TRL's numbers: log-probabilities, entropies and every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GemmaConfig, LlamaConfig, MistralConfig, Qwen3Config
from trl.trainer.utils import add_fused_lm_head

from setwise.training.compact_head import add_compact_head
from setwise.training.shared_prompt import pack_groups, score_groups, why_not_shared

SHAPE: dict[str, Any] = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "initializer_range": 0.3,
}
FAMILIES = {"llama": LlamaConfig, "qwen3": Qwen3Config, "gemma": GemmaConfig}


def make_model(family: str, attention: str = "sdpa", temperature: float = 0.7) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(FAMILIES[family](**SHAPE), attn_implementation=attention)
    add_fused_lm_head(model, temperature, outputs=("log_probs", "entropy"))
    add_compact_head(model, temperature)
    return model.double()  # the head alone computes in float32


def make_batch(groups: list[tuple[int, list[int]]], order: list[int] | None = None) -> tuple[torch.Tensor, ...]:
    """Prompts (padded left) and completions (padded right) of groups, each a prompt length and completion lengths."""
    generator = torch.Generator().manual_seed(1)
    width, longest = max(p for p, _ in groups), max(max(sizes) for _, sizes in groups)
    rows = []
    for length, sizes in groups:
        prompt = torch.randint(1, 61, (length,), generator=generator)
        for size in sizes:
            completion = torch.randint(1, 61, (size,), generator=generator)
            rows.append(
                [
                    torch.cat([torch.zeros(width - length, dtype=torch.long), prompt]),
                    torch.cat([torch.zeros(width - length), torch.ones(length)]).long(),
                    torch.cat([completion, torch.zeros(longest - size, dtype=torch.long)]),
                    torch.cat([torch.ones(size), torch.zeros(longest - size)]).long(),
                ]
            )
    rows = [rows[i] for i in order or range(len(rows))]
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def score_apart(model: Any, batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """As TRL does it: each completion behind its own copy of the prompt."""
    prompts, prompt_mask, completions, mask = batch
    ids, seen = torch.cat([prompts, completions], 1), torch.cat([prompt_mask, mask], 1)
    labels = ids.masked_fill(seen == 0, -100)
    labels[:, : prompts.shape[1]] = -100
    output = model(input_ids=ids, attention_mask=seen, labels=labels, fused_lm_head=True)
    width = completions.shape[1]
    kept = mask.bool()
    return output.log_probs[:, -width:].masked_fill(~kept, 0), output.entropy[:, -width:].masked_fill(~kept, 0)


def gradients(model: Any, log_probs: torch.Tensor) -> dict[str, torch.Tensor]:
    weights = torch.linspace(-1, 1, log_probs.numel(), dtype=log_probs.dtype).view_as(log_probs)
    model.zero_grad()
    (log_probs * weights).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def is_close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() <= 1e-5 * max(1.0, float(expected.abs().max())))


BATCHES = {
    "equal groups": make_batch([(5, [4, 4, 4]), (5, [4, 4, 4])]),
    "unequal prompts and completions": make_batch([(7, [1, 6, 3]), (2, [5, 5, 2]), (4, [3, 1, 1])]),
    "groups of one, and a prompt of one token": make_batch([(1, [3]), (6, [2]), (3, [4, 1])]),
    "groups cut and shuffled": make_batch([(6, [2, 5, 3]), (4, [4, 1])], order=[3, 0, 4, 2, 1]),
    "an empty completion": make_batch([(3, [4, 0, 2])]),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", BATCHES)
def test_the_same_scores_and_gradients_as_one_prompt_per_completion(family: str, attention: str, name: str) -> None:
    stock, model, batch = make_model(family), make_model(family, attention), BATCHES[name]
    expected, expected_entropy = score_apart(stock, batch)
    wanted = gradients(stock, expected)
    found, entropy = score_groups(model, pack_groups(*batch))
    assert entropy is not None
    got = gradients(model, found)
    assert is_close(found, expected)
    assert is_close(entropy, expected_entropy)
    assert got.keys() == wanted.keys()
    for parameter, gradient in wanted.items():
        assert is_close(got[parameter], gradient), parameter


def test_a_row_holds_each_prompt_once() -> None:
    prompts, prompt_mask, completions, mask = make_batch([(40, [3] * 8), (40, [3] * 8)])
    packed = pack_groups(prompts, prompt_mask, completions, mask)
    assert packed.input_ids.shape == (2, 64)  # 39 + 8 · 3 = 63, padded to a multiple of 8
    assert int((packed.labels != -100).sum()) == 48


def test_a_completion_sees_the_prompt_and_itself_alone() -> None:
    packed = pack_groups(*make_batch([(3, [2, 2])]))
    seen = packed.visible[0, 0, :6, :6].int().tolist()
    assert seen == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]
    assert packed.position_ids[0, :6].tolist() == [0, 1, 2, 3, 2, 3]


def test_models_whose_attention_is_not_ours_to_mask_are_told() -> None:
    for config, why in (
        (MistralConfig(**SHAPE, sliding_window=4), "sliding"),
        (Qwen3Config(**SHAPE, use_sliding_window=True, sliding_window=4, max_window_layers=1), "sliding"),
    ):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
        assert why in str(why_not_shared(model))
    for family in FAMILIES:
        assert why_not_shared(make_model(family)) is None
