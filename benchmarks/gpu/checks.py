"""What a GPU does with the training step: precision, adapters, and one prompt per group against TRL's stock step."""

from __future__ import annotations

import copy
import statistics
import time
from typing import Any

import torch
from trl.trainer.utils import add_fused_lm_head

from setwise.training.compact_head import add_compact_head
from setwise.training.shared_prompt import pack_groups, score_groups


def synchronize() -> None:
    """Wait for the device, so that a clock read next is right."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_bytes() -> int:
    """Most device memory taken since `reset_peak`; 0 on the CPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


def reset_peak() -> None:
    """Start counting the peak anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def check_precision(model: Any, vocabulary: int) -> dict[str, Any]:
    """Forward passes in float32 and bfloat16 against float64, by ‖out − ref‖ / ‖ref‖, and a finite gradient."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, vocabulary, (4, 64), generator=generator).to(model.device)
    with torch.no_grad():
        single = model(input_ids=ids).logits.double()
        with torch.autocast(model.device.type, torch.bfloat16):
            half = model(input_ids=ids).logits.double()
        exact = copy.deepcopy(model).double()
        reference = exact(input_ids=ids).logits
        del exact
    norm = float(reference.norm())
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    gradient = sum(float(p.grad.double().pow(2).sum()) for p in model.parameters() if p.grad is not None) ** 0.5
    model.zero_grad(set_to_none=True)
    return {
        "float32_error": float((single - reference).norm()) / norm,
        "bfloat16_error": float((half - reference).norm()) / norm,
        "loss": float(loss),
        "gradient_norm": gradient,
    }


def check_lora(model: Any, vocabulary: int) -> dict[str, Any]:
    """A LoRA step on a copy: the adapter moves, the base does not."""
    from peft import LoraConfig, get_peft_model

    wrapped = get_peft_model(copy.deepcopy(model), LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
    trained = [p for p in wrapped.parameters() if p.requires_grad]
    frozen = next(p for p in wrapped.parameters() if not p.requires_grad)
    before, base = [p.detach().clone() for p in trained], frozen.detach().clone()
    ids = torch.randint(3, vocabulary, (4, 64), device=model.device)
    with torch.autocast(model.device.type, torch.bfloat16):
        wrapped(input_ids=ids, labels=ids).loss.backward()
    torch.optim.AdamW(trained, lr=1e-3).step()
    moved = sum(float((p - q).abs().sum()) for p, q in zip(trained, before, strict=True))
    return {"adapter_moved": moved > 0, "base_kept": bool(torch.equal(frozen, base))}


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
