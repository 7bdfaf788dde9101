"""What `params.scale` means to TRL's trainer: its batch, precision, adapters and generation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.engines.vllm import is_vllm_installed
from setwise.errors import InputError
from setwise.params import Params
from setwise.scale_params import TrainVllmParams
from setwise.training.processes import process_count

if TYPE_CHECKING:
    from peft import LoraConfig

_ADAPTER = "adapter_config.json"

SCORED_AT_ONCE = 512
"""Held-out completions generated together, unless `scale.generation_batch` says fewer."""


@dataclass(frozen=True)
class BatchSplit:
    """How the completions of one step are shared out: `total` = `processes` × `accumulation` × `micro_batch`."""

    total: int
    processes: int
    accumulation: int
    micro_batch: int

    @property
    def share(self) -> int:
        """Completions of one process in a step."""
        return self.accumulation * self.micro_batch


def split_batch(params: Params, processes: int) -> BatchSplit:
    """Share a step's completions out over `processes`.

    Raises:
        InputError: they can't be shared out evenly.
    """
    train = params.train
    total = train.prompts_per_step * train.generations
    said = f"train: {train.prompts_per_step} prompts_per_step × {train.generations} generations = {total} completions"
    if total % processes:
        raise InputError(f"{said} can't be shared by {processes} processes; make the product divisible by {processes}")
    share = total // processes
    micro = params.scale.micro_batch or share
    if share % micro:
        divisors = [d for d in range(1, share + 1) if share % d == 0]
        near = min(divisors, key=lambda d: abs(d - micro))
        raise InputError(
            f"scale.micro_batch: {micro} does not divide the {share} completions of each process ({said}, "
            f"{processes} processes); use {near}"
        )
    return BatchSplit(total, processes, share // micro, micro)


def scale_options(params: Params) -> dict[str, Any]:
    """Keyword arguments of TRL's `GRPOConfig` that `params.scale` and this machine decide.

    Raises:
        InputError: the batch can't be shared out, or vLLM is asked for and missing.
    """
    import torch

    scale = params.scale
    batch = split_batch(params, process_count())
    return {
        "per_device_train_batch_size": batch.micro_batch,
        "gradient_accumulation_steps": batch.accumulation,
        "loss_type": scale.loss,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": scale.mixed_precision == "bf16",
        "gradient_checkpointing": scale.gradient_checkpointing,
        "trust_remote_code": params.model.trust_remote_code,
        **_vllm_options(scale.vllm),
    }


def _vllm_options(vllm: TrainVllmParams) -> dict[str, Any]:
    if vllm.mode == "off":
        return {"use_vllm": False}
    require_vllm()
    options: dict[str, Any] = {"use_vllm": True, "vllm_mode": vllm.mode}
    if vllm.mode == "server":
        return options | {
            "vllm_server_host": vllm.host,
            "vllm_server_port": vllm.port,
            "vllm_group_port": vllm.group_port,
            "vllm_server_timeout": vllm.timeout_s,
        }
    return options | {
        "vllm_gpu_memory_utilization": vllm.gpu_memory_utilization,
        "vllm_tensor_parallel_size": vllm.tensor_parallel_size,
        "vllm_max_model_length": vllm.max_model_length,
        "vllm_enable_sleep_mode": vllm.sleep,
    }


def require_vllm() -> None:
    """`InputError` where training asks for vLLM and it is not installed."""
    if not is_vllm_installed():
        raise InputError("scale.vllm.mode: vLLM is not installed; pip install 'setwise[vllm]', or set it to 'off'")


def peft_config(params: Params) -> LoraConfig | None:
    """The adapters that are trained; None for full training."""
    lora = params.scale.lora
    if lora is None:
        return None
    from peft import LoraConfig

    modules = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=modules,
        task_type="CAUSAL_LM",
    )


def merge_adapter(policy: Path, folder: Path, merged: Path, params: Params) -> Path:
    """Write the weights of `policy` with the adapter in `folder` merged in to `merged`; the folder to hand over.

    A folder without an adapter is handed over as it is.
    """
    if not (folder / _ADAPTER).exists():
        return folder
    from peft import PeftModel

    from setwise.policy import load_policy

    model, tokenizer = load_policy(policy, dtype=params.model.dtype, trust_remote_code=params.model.trust_remote_code)
    shutil.rmtree(merged, ignore_errors=True)
    PeftModel.from_pretrained(model, str(folder)).merge_and_unload().save_pretrained(merged)
    tokenizer.save_pretrained(merged)
    shutil.copyfile(folder / "best.json", merged / "best.json")
    return merged
