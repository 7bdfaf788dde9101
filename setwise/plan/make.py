"""`setwise plan RECIPE`: what would run, in text, and a refusal of settings that can't work."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from setwise.engines.vllm import is_vllm_installed
from setwise.errors import InputError
from setwise.params import Params
from setwise.plan.launch import Launch, read_launch
from setwise.plan.memory import GIB, Part, estimate_memory
from setwise.plan.shape import ModelShape, get_shape
from setwise.plan.tokens import check_limit
from setwise.training.processes import CONFIGS
from setwise.training.scale import BatchSplit, split_batch
from setwise.training.tokenizer import layout_tags

_LOST_IN_BFLOAT16 = 1e-4
"""Learning rate below which Adam's steps are mostly smaller than half of bfloat16's spacing at weights around 0.02."""

_PROMPT_TOKENS = 512


@dataclass(frozen=True)
class Plan:
    """What a recipe would run. `str(plan)` is the page that the command prints.

    Attributes:
        parts: estimated memory of one process, in bytes.
        missing: packages that the recipe asks for and that are not installed here.
        warnings: what will run and is likely not meant.
    """

    params: Params
    shape: ModelShape
    launch: Launch
    batch: BatchSplit
    parts: tuple[Part, ...]
    prompt_tokens: int
    device_gib: float
    missing: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def total_bytes(self) -> float:
        """The sum of the parts."""
        return sum(part.size for part in self.parts)

    def require_installed(self) -> None:
        """`InputError` that names every missing package; none where all are there."""
        if self.missing:
            raise InputError("; ".join(self.missing))

    def __str__(self) -> str:
        """The page: model, processes, batch, tokens, memory, and what is missing or likely not meant."""
        rows = [*_what_runs(self), ("", ""), *_memory_rows(self)]
        rows += [("warning", warning) for warning in self.warnings]
        rows += [("missing", problem) for problem in self.missing]
        return "\n".join(f"{name:<18}{text}".rstrip() for name, text in rows)


def make_plan(
    params: Params, device_gib: float = 80.0, prompt_tokens: int | None = None, launch_folder: Path = CONFIGS
) -> Plan:
    """Work out what `params` would run, without a GPU, a network or a model.

    Args:
        params: a recipe's params.
        device_gib: memory of one GPU.
        prompt_tokens: tokens of a prompt; null: what the context leaves beside a completion, at most 512.
        launch_folder: where `scale.accelerate` is looked up.

    Raises:
        InputError: settings that can't work; the message says which and the remedy.
    """
    shape = get_shape(params.model, own_tags=len(layout_tags()))
    launch = read_launch(params, launch_folder)
    batch = split_batch(params, launch.processes)
    prompt_tokens = _check_tokens(params, shape, prompt_tokens)
    _check_vllm(params, shape, launch, device_gib)
    parts = estimate_memory(params, shape, launch, batch, prompt_tokens, device_gib)
    warnings = _warnings(params, launch, sum(part.size for part in parts), device_gib)
    return Plan(
        params, shape, launch, batch, tuple(parts), prompt_tokens, device_gib, tuple(_missing(params, launch)), warnings
    )


def _check_tokens(params: Params, shape: ModelShape, prompt_tokens: int | None) -> int:
    """K answers must fit into a completion, and prompt and completion into the context; the tokens of a prompt."""
    rooms = []
    for section, limit, key, longest in _limits(params):
        check_limit(section, limit, params, params.methods)
        if longest is not None and longest > shape.context:
            raise InputError(f"{key}: {longest} is over the model's context of {shape.context}; lower it")
        context = longest or shape.context
        rooms.append(context - limit)
        if rooms[-1] < (prompt_tokens or 1):
            raise InputError(
                f"{section}.max_completion_tokens: {limit} and prompts of {prompt_tokens or 1} are over the "
                f"context of {context}; lower it, or raise {key if longest else 'model.max_length'}"
            )
    return prompt_tokens or min(_PROMPT_TOKENS, *rooms)


def _limits(params: Params) -> list[tuple[str, int, str, int | None]]:
    """For training and evaluation: the section, its most tokens, and the key and value of its own engine's limit."""
    train, evaluate = params.scale.vllm, params.evaluate
    by_vllm = evaluate.engine == "vllm" or (evaluate.engine == "auto" and evaluate.endpoint is None)
    return [
        (
            "train",
            params.train.max_completion_tokens,
            "scale.vllm.max_model_length",
            train.max_model_length if train.mode == "colocate" else None,
        ),
        (
            "evaluate",
            evaluate.max_completion_tokens,
            "evaluate.vllm.max_model_length",
            evaluate.vllm.max_model_length if by_vllm else None,
        ),
    ]


def _check_vllm(params: Params, shape: ModelShape, launch: Launch, device_gib: float) -> None:
    """vLLM's share of the GPUs must hold the weights, and divide what it splits."""
    wanted = [("evaluate.vllm", params.evaluate.vllm)] if params.evaluate.engine == "vllm" else []
    checks = [(k, v.tensor_parallel_size, v.gpu_memory_utilization) for k, v in wanted]
    vllm = params.scale.vllm
    if vllm.mode == "colocate":
        checks.append(("scale.vllm", vllm.tensor_parallel_size, vllm.gpu_memory_utilization))
        if launch.processes % vllm.tensor_parallel_size:
            raise InputError(
                f"scale.vllm.tensor_parallel_size: {vllm.tensor_parallel_size} does not divide the "
                f"{launch.processes} processes; use a divisor of it"
            )
    for key, size, share in checks:
        if shape.heads % size:
            raise InputError(f"{key}.tensor_parallel_size: {size} does not divide the model's {shape.heads} heads")
        weights = shape.parameters * 2 / size / GIB
        if weights >= share * device_gib:
            raise InputError(
                f"{key}.gpu_memory_utilization: {share:g} of {device_gib:g} GiB does not hold the weights "
                f"({weights:.1f} GiB); raise it, or tensor_parallel_size"
            )


def _missing(params: Params, launch: Launch) -> list[str]:
    missing = []
    for key, wanted in (
        ("scale.vllm.mode", params.scale.vllm.mode != "off"),
        ("evaluate.engine", params.evaluate.engine == "vllm"),
    ):
        if wanted and not is_vllm_installed():
            missing.append(f"{key}: vLLM is not installed here; pip install 'setwise[vllm]'")
    if launch.kind.startswith("DeepSpeed") and importlib.util.find_spec("deepspeed") is None:
        missing.append("scale.accelerate: DeepSpeed is not installed here; pip install deepspeed")
    return missing


def _warnings(params: Params, launch: Launch, total: float, device_gib: float) -> tuple[str, ...]:
    warnings = []
    full = params.scale.lora is None
    kept = launch.kind.startswith("DeepSpeed") or launch.kind == "FSDP"
    if params.model.dtype == "bfloat16" and full and not kept and params.train.learning_rate < _LOST_IN_BFLOAT16:
        warnings.append(
            f"steps of {params.train.learning_rate:g} are lost in bfloat16 weights; use model.dtype float32 with "
            "scale.mixed_precision bf16, DeepSpeed, FSDP or LoRA"
        )
    if total > device_gib * GIB:
        warnings.append(
            f"the estimate is over {device_gib:g} GiB; lower scale.micro_batch, turn gradient_checkpointing on, share "
            "the model out (zero3, fsdp), or use LoRA"
        )
    return tuple(warnings)


def _what_runs(plan: Plan) -> list[tuple[str, str]]:
    """Rows of the page above the memory."""
    params, train, evaluate, batch = plan.params, plan.params.train, plan.params.evaluate, plan.batch
    prompts, completions = train.steps * train.prompts_per_step, train.steps * batch.total
    limit = train.max_completion_tokens
    lora = params.scale.lora
    trained = f"LoRA of rank {lora.rank}" if lora else "all of them trained"
    model = params.model.path or "made from its config"
    file = f" (recipes/accelerate/{plan.launch.name}.yaml)" if params.scale.accelerate else ""
    return [
        ("model", f"{model}, {plan.shape.parameters:,} parameters, {trained}"),
        ("methods", f"{', '.join(params.methods)}; K = {params.k}"),
        ("processes", f"{plan.launch.processes} on {plan.launch.machines} machine(s), {plan.launch.kind}{file}"),
        ("a step", f"{train.prompts_per_step} prompts × {train.generations} generations = {batch.total} completions"),
        ("", f"= {batch.processes} processes × {batch.accumulation} accumulated × {batch.micro_batch} at once"),
        ("a run", f"{train.steps:,} steps, {prompts:,} prompts, {completions:,} completions, for each method"),
        ("tokens", f"at most {limit:,} a completion, {batch.total * limit:,} a step, {completions * limit:,} a run"),
        ("generation", _generation(params)),
        ("evaluation", f"engine {evaluate.engine}, at most {evaluate.max_completion_tokens:,} tokens a completion"),
    ]


def _memory_rows(plan: Plan) -> list[tuple[str, str]]:
    rows = [("memory", f"of one process, estimated for prompts of {plan.prompt_tokens} tokens")]
    rows += [(f"  {part.name}", f"{part.size / GIB:8.2f} GiB  {part.what}") for part in plan.parts]
    return [*rows, ("  together", f"{plan.total_bytes / GIB:8.2f} GiB  of {plan.device_gib:g} GiB")]


def _generation(params: Params) -> str:
    vllm = params.scale.vllm
    if vllm.mode == "off":
        return "transformers, in the training processes"
    if vllm.mode == "server":
        return f"vLLM server at {vllm.host}:{vllm.port}"
    return (
        f"vLLM on the training GPUs, {vllm.gpu_memory_utilization:.0%} of each, split over {vllm.tensor_parallel_size}"
    )
