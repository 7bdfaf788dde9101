"""Estimated memory of one training process, part by part. Adam in 32 bits; sizes in bytes.

An estimate counts what the method must hold. What the allocator wastes, CUDA's context (about half a GiB) and
communication buffers come on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from setwise.params import Params
from setwise.plan.launch import Launch
from setwise.plan.shape import ModelShape
from setwise.scale_params import LoraParams
from setwise.training.scale import SCORED_AT_ONCE, BatchSplit

GIB = 1 << 30
_LOGIT_TILE = (4096, 32_768)
"""Tokens and vocabulary of the logits that TRL's fused head holds at once."""


@dataclass(frozen=True)
class Part:
    """One part of the memory."""

    name: str
    size: float
    what: str


def lora_parameters(shape: ModelShape, lora: LoraParams) -> int:
    """Parameters of the adapters: rank × (inputs + outputs) of every adapted layer."""
    names = list(shape.linears) if lora.target_modules == "all-linear" else lora.target_modules
    return shape.layers * lora.rank * sum(sum(shape.linears[name]) for name in names if name in shape.linears)


def estimate_memory(
    params: Params, shape: ModelShape, launch: Launch, batch: BatchSplit, prompt_tokens: int, device_gib: float
) -> list[Part]:
    """The parts of one process's memory while it trains."""
    parts = _state(params, shape, launch)
    computing = 2 if params.scale.mixed_precision == "bf16" or params.model.dtype == "bfloat16" else 4
    tokens = prompt_tokens + params.train.max_completion_tokens
    block = shape.activations_per_token() * tokens * batch.micro_batch * computing
    if params.scale.gradient_checkpointing:
        kept = shape.layers * shape.hidden * tokens * batch.micro_batch * computing + block
        parts.append(Part("activations", kept, "each block's input, and one block in full while it is recomputed"))
    else:
        parts.append(
            Part("activations", shape.layers * block, "all blocks; scale.gradient_checkpointing keeps far less")
        )
    tile = min(_LOGIT_TILE[0], params.train.max_completion_tokens * batch.micro_batch)
    width = min(_LOGIT_TILE[1], shape.vocab)
    parts.append(
        Part("logits", tile * width * 8.0, f"{tile} tokens × {width} of the vocabulary at a time, and their gradient")
    )
    return parts + _generation(params, shape, batch, tokens * shape.cache_bytes_per_token(computing), device_gib)


def _state(params: Params, shape: ModelShape, launch: Launch) -> list[Part]:
    """Weights, gradients and the optimizer's state."""
    n, lora = shape.parameters, params.scale.lora
    stored = 2 if params.model.dtype == "bfloat16" else 4
    deepspeed = launch.kind.startswith("DeepSpeed")
    mixed = params.scale.mixed_precision == "bf16"
    share = "" if launch.weights == 1 else f", shared by {launch.weights}"
    if lora is not None:
        adapters = lora_parameters(shape, lora)
        spread = f"{adapters / 1e6:.1f} M parameters in 32 bits"
        return [
            Part(
                "weights", n * stored / launch.weights + adapters * 4, f"{stored} bytes each{share}, and the adapters"
            ),
            Part("gradients", adapters * 4 / launch.gradients, f"of the adapters, {spread}"),
            Part("optimizer", adapters * 8 / launch.gradients, "two moments of the adapters"),
        ]
    if deepspeed and mixed:
        held, gradient, optimizer, told = 2, 2, 12, "32-bit weights and two moments"
    elif launch.kind == "FSDP" and mixed:
        held, gradient, optimizer, told = 4, 4, 8, "two moments"
    else:
        held, gradient, optimizer, told = stored, stored, 2 * stored, "two moments"
    shared = "" if launch.gradients == 1 else f", shared by {launch.gradients}"
    parts = [
        Part("weights", n * held / launch.weights, f"{held} bytes each{share}"),
        Part("gradients", n * gradient / launch.gradients, f"{gradient} bytes each{shared}"),
        Part("optimizer", n * optimizer / launch.gradients, f"{told}, {optimizer} bytes each{shared}"),
    ]
    if mixed and not deepspeed and stored == 4:
        gathered = shape.block_parameters if launch.kind == "FSDP" else n
        parts.append(Part("bfloat16 copies", gathered * 2.0, "of the weights in use"))
    if params.train.beta > 0:
        parts.append(Part("reference model", n * stored / launch.weights, "for the KL term (train.beta)"))
    return parts


def _generation(params: Params, shape: ModelShape, batch: BatchSplit, cache: float, device_gib: float) -> list[Part]:
    """Keys and values, or vLLM's share; `cache` is the bytes of one completion with its prompt."""
    vllm, limit = params.scale.vllm, params.scale.generation_batch
    held_out = min(params.train.held_out, limit or SCORED_AT_ONCE)
    if vllm.mode == "off":
        at_once = max(min(batch.share, limit or batch.share), held_out)
        return [Part("generation", at_once * cache, f"keys and values of {at_once} completions")]
    scoring = Part("held-out answers", held_out * cache, f"keys and values of {held_out} completions")
    if vllm.mode == "server":
        return [Part("generation", 0.0, f"on the vLLM server at {vllm.host}:{vllm.port}"), scoring]
    claim = vllm.gpu_memory_utilization * device_gib * GIB
    weights = shape.parameters * 2 / vllm.tensor_parallel_size
    room = int((claim - weights) / (shape.cache_bytes_per_token(2) / vllm.tensor_parallel_size))
    told = f"vLLM: {weights / GIB:.1f} GiB of weights, keys and values of {max(0, room):,} tokens"
    sleeping = ", handed back during the update" if vllm.sleep else ""
    return [Part("generation", claim, told + sleeping), scoring]
