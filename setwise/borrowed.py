"""Names of other libraries that nobody promised us: what we override or read, and the refusal where one has changed.

An override of a method that the library has renamed is no error to Python: it is just never called, and training goes
on by other rules. So every such name stands here, with the parameters it was written for, and is looked for before it
is relied on.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from setwise.errors import InputError


@dataclass(frozen=True)
class Borrowed:
    """One name.

    Attributes:
        library: the distribution it comes with.
        module, name: where it stands; `name` may have dots.
        parameters: the names of all its parameters (`self` left out); None where it is not called, or as documented.
    """

    library: str
    module: str
    name: str
    parameters: tuple[str, ...] | None = None


def _trl(module: str, name: str, *parameters: str) -> Borrowed:
    return Borrowed("trl", f"trl.{module}", name, parameters)


_GRPO = "trainer.grpo_trainer"
_SINGLE_TURN = ("prompt_ids", "images", "multimodal_fields", "num_generations", "has_tool_images")
_SCORED = (
    "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size", "compute_entropy", "compute_aux_loss",
    "pixel_values", "image_grid_thw", "num_images", "pixel_attention_mask", "spatial_shapes", "num_tiles",
    "image_sizes", "token_type_ids", "mm_token_type_ids", "image_position_ids",
)  # fmt: skip
_OUTPUT = ("loss", "log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1", "label_mask", "aux_loss")
_UNWRAP = ("model", "accelerator", "gather_deepspeed3_params", "generation_kwargs", "gradient_checkpointing_kwargs")
_SAMPLER = ("data_source", "mini_repeat_count", "batch_size", "repeat_count", "shuffle", "seed")

BORROWED = (
    # overridden by SetTrainer
    _trl(_GRPO, "GRPOTrainer._calculate_rewards", "inputs", "prompts", "completions", "completion_ids_list"),
    _trl(_GRPO, "GRPOTrainer._generate_and_score_completions", "inputs"),
    _trl(_GRPO, "GRPOTrainer._get_train_sampler", "dataset"),
    _trl(_GRPO, "GRPOTrainer._tokenize_prompts", "prompts"),
    _trl(_GRPO, "GRPOTrainer._generate_single_turn", *_SINGLE_TURN),
    _trl(_GRPO, "GRPOTrainer._get_per_token_logps_and_entropies", *_SCORED),
    # read or replaced by the trainer and the compact head
    _trl("trainer.utils", "FusedCausalLMOutput", *_OUTPUT),
    _trl("trainer.utils", "add_fused_lm_head", "model", "temperature", "cast_lm_head_to_fp32", "outputs"),
    _trl("trainer.utils", "RepeatSampler", *_SAMPLER),
    _trl("models.utils", "unwrap_model_for_generation", *_UNWRAP),
    _trl("distributed", "DistributedBackend.summon_full_params", "module", "kwargs"),
    Borrowed("transformers", "transformers", "PreTrainedConfig._attn_implementation"),
    Borrowed("transformers", "transformers", "DynamicCache.batch_repeat_interleave", ("repeats",)),
    Borrowed("accelerate", "accelerate.utils", "is_peft_model", ("model",)),
    Borrowed("accelerate", "accelerate.utils", "broadcast_object_list", ("object_list", "from_process")),
    Borrowed("accelerate", "accelerate.commands.launch", "main"),
    Borrowed("accelerate", "accelerate.commands.launch", "_validate_launch_command", ("args",)),
    Borrowed("accelerate", "accelerate.utils.launch", "prepare_deepspeed_cmd_env", ("args",)),
    Borrowed("accelerate", "accelerate.utils.launch", "prepare_multi_gpu_env", ("args",)),
    # read by the graph and the server of a run
    Borrowed("dvc", "dvc.repo", "Repo.index"),
    Borrowed("prefect", "prefect.server.api.server", "SubprocessASGIServer.start", ("timeout",)),
    Borrowed("mlflow", "mlflow.store.db.utils", "_logger"),
)
"""What documentation describes is not here."""

TRAINER = (
    "_dist",
    "_logs",
    "is_deepspeed_enabled",
    "is_fsdp_enabled",
    "max_completion_length",
    "model_wrapped",
    "num_generations",
    "num_generations_eval",
    "processing_class",
    "reward_funcs",
    "scale_rewards",
    "temperature",
    "top_p",
    "use_transformers_continuous_batching",
    "use_vllm",
)
"""What `SetTrainer` and its helpers read off TRL's trainer; each is there once the trainer is made."""


def check_borrowed(library: str) -> None:
    """Refuse to go on where the installed version of a library has not what we override or read of it.

    Raises:
        InputError: names the library's version and every name that is missing or takes other parameters.
    """
    refuse(library, filter(None, (_changed(one) for one in BORROWED if one.library == library)))


def check_trainer(trainer: object, sampler: object) -> None:
    """The same for what TRL's trainer and its sampler must have once they are made."""
    missing = [f"GRPOTrainer.{name} is missing" for name in TRAINER if not hasattr(trainer, name)]
    if "advantages" not in getattr(trainer, "_logs", {}):
        missing.append("GRPOTrainer._logs['advantages'] is missing")
    missing += [f"RepeatSampler.{n} is missing" for n in ("num_samples", "generator") if not hasattr(sampler, n)]
    refuse("trl", missing)


def refuse(library: str, changes: Iterable[str]) -> None:
    """Raise `InputError` where there is any change."""
    if said := "; ".join(changes):
        version = importlib.metadata.version(library)
        raise InputError(
            f"{library} {version}: {said}; this version of {library} is not the one that setwise was written for: "
            "install those of constraints.txt"
        )


def _changed(borrowed: Borrowed) -> str | None:
    """What is different about a name; None where nothing is."""
    try:
        found: Any = importlib.import_module(borrowed.module)
        for part in borrowed.name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return f"{borrowed.module}.{borrowed.name} is missing"
    if borrowed.parameters is None:
        return None
    takes = tuple(name for name in inspect.signature(found).parameters if name != "self")
    if takes == borrowed.parameters:
        return None
    return f"{borrowed.module}.{borrowed.name} takes ({', '.join(takes)}), not ({', '.join(borrowed.parameters)})"
