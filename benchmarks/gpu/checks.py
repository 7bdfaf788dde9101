"""Is the CUDA path right: precision of forward passes, a finite gradient, a LoRA step."""

from __future__ import annotations

import copy
from typing import Any

import torch


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
