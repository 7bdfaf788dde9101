"""Loss and backward with each prompt computed once per group, against TRL's stock way of once per completion."""

from __future__ import annotations

import copy
import re
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from trl.trainer.utils import add_fused_lm_head

from setwise.training.compact_head import add_compact_head
from setwise.training.shared_prompt import pack_groups, score_groups


def smollm2_shape() -> Any:
    """A model of SmolLM2-135M's shape with random weights, in float32."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        head_dim=64,
        tie_word_embeddings=True,
        pad_token_id=2,
    )
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")


def synchronize() -> None:
    """Wait for the device, so that a clock read next is right."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_peak() -> None:
    """Start counting the peak of memory anew: of the device, or of this process where there is none."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """Most memory taken since `reset_peak`."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else 0


def compare_steps(
    model: Any, vocabulary: int, prompt: int, completion: int, group: int, groups: int, bf16: bool, repeats: int
) -> dict[str, Any]:
    """Loss and backward of one batch: one prompt per completion (TRL's stock head) against one per group.

    Returns:
        Median seconds of each, peak memory above the weights, `ratio` and `peak_memory_ratio` (ours over TRL's), and
        how far the gradients are apart relative to their norm.
    """
    generator = torch.Generator().manual_seed(1)
    device = model.device
    prompts = torch.randint(3, vocabulary, (groups, prompt), generator=generator).repeat_interleave(group, dim=0)
    completions = torch.randint(3, vocabulary, (groups * group, completion), generator=generator)
    lengths = torch.randint(completion * 3 // 4, completion + 1, (groups * group, 1), generator=generator)
    mask = (torch.arange(completion) < lengths).long()
    batch = tuple(t.to(device) for t in (prompts, torch.ones_like(prompts), completions, mask))
    stock, ours = copy.deepcopy(model), copy.deepcopy(model)
    for each in (stock, ours):
        add_fused_lm_head(each, 1.0, outputs=("log_probs", "entropy"))
    add_compact_head(ours, 1.0)
    scorers = {"stock": (stock, _score_stock), "ours": (ours, _score_ours)}
    seconds: dict[str, list[float]] = {name: [] for name in scorers}
    peaks, gradients = {}, {}
    for turn in range(repeats + 1):
        for name, (scored, score) in scorers.items():
            scored.zero_grad(set_to_none=True)
            synchronize()
            reset_peak()
            base, began = peak_bytes(), time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                log_probs = score(scored, batch)
            weights = torch.linspace(-1, 1, log_probs.numel(), device=device).view_as(log_probs)
            (log_probs * weights * batch[3]).sum().backward()
            synchronize()
            if turn:
                seconds[name].append(time.perf_counter() - began)
            peaks[name] = peak_bytes() - base
            gradients[name] = scored.get_input_embeddings().weight.grad.double()
    apart = float((gradients["ours"] - gradients["stock"]).norm() / gradients["stock"].norm())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "prompt": prompt,
        "completion": completion,
        "group": group,
        "groups": groups,
        "bf16": bf16,
        "stock_s": round(medians["stock"], 5),
        "ours_s": round(medians["ours"], 5),
        "ratio": round(medians["ours"] / medians["stock"], 4),
        "stock_peak_mib": peaks["stock"] >> 20,
        "ours_peak_mib": peaks["ours"] >> 20,
        "peak_memory_ratio": round(peaks["ours"] / peaks["stock"], 4) if peaks["stock"] else None,
        "gradients_apart": apart,
    }


def _score_stock(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    prompts, prompt_mask, completions, mask = batch
    ids, seen = torch.cat([prompts, completions], 1), torch.cat([prompt_mask, mask], 1)
    labels = ids.masked_fill(seen == 0, -100)
    labels[:, : prompts.shape[1]] = -100
    output = model(input_ids=ids, attention_mask=seen, labels=labels, fused_lm_head=True)
    return output.log_probs[:, -completions.shape[1] :]


def _score_ours(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return score_groups(model, pack_groups(*batch))[0]
