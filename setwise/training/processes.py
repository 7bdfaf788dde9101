"""Several processes of one training: who writes, how they wait for each other, and the whole model where it is sharded.

A process group is there only inside a launch (`accelerate launch`, `torchrun`); in one process nothing here waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from setwise.borrowed import check_borrowed
from setwise.errors import InputError
from setwise.params import Params

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from trl import GRPOTrainer

CONFIGS = Path("recipes/accelerate")
"""Where `scale.accelerate` is looked up, relative to the workspace."""

LAUNCHED = "SETWISE_LAUNCHED"

Shared = TypeVar("Shared")


def process_count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that writes files, curves and runs."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_all() -> None:
    """Return once every process has come here."""
    if process_count() > 1:
        _state().wait_for_everyone()


def share(value: Shared) -> Shared:
    """The main process's value, in every process."""
    if process_count() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    _state()
    shared: list[Shared] = broadcast_object_list([value])
    return shared[0]


@contextmanager
def whole_model(trainer: GRPOTrainer) -> Iterator[PreTrainedModel]:
    """The trained model, fit to generate with. Where it is sharded, every process must do the same with it."""
    from trl.models.utils import unwrap_model_for_generation

    with (
        unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model,
        trainer._dist.summon_full_params(trainer.model_wrapped, recurse=False),
    ):
        yield model


def is_sharded(trainer: GRPOTrainer) -> bool:
    """Whether a process holds only a part of the weights (FSDP, DeepSpeed)."""
    return bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)


def launch_command(params: Params, arguments: Sequence[str]) -> list[str] | None:
    """How to start `python <arguments>` as `scale.accelerate` says; None where this is it already, or a cluster does.

    Raises:
        InputError: there is no such file.
    """
    name = params.scale.accelerate
    if name is None or params.scale.cluster is not None or LAUNCHED in os.environ or "RANK" in os.environ:
        return None
    return [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(find_config(name)), *arguments]


def launch_environment() -> dict[str, str]:
    """The environment of a launch."""
    return {**os.environ, LAUNCHED: "1"}


def launch_variables(params: Params) -> dict[str, str]:
    """What accelerate's launcher would tell each process by its environment, for processes that others start.

    Which processes there are, and where, is for those to say.
    """
    if params.scale.accelerate is None:
        return {}
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    check_borrowed("accelerate")
    path = find_config(params.scale.accelerate)
    given = ["--config_file", str(path), "--num_machines", "1", "--main_process_port", "0", "setwise"]
    arguments, defaults, has_precision = _validate_launch_command(launch_command_parser().parse_args(given))
    if arguments.use_deepspeed:
        fields = [*defaults.deepspeed_config, *(["mixed_precision"] if has_precision else [])]
        arguments.deepspeed_fields_from_accelerate_config = ",".join(fields)
        _, environment = prepare_deepspeed_cmd_env(arguments)
    else:
        environment = prepare_multi_gpu_env(arguments)
    said = {name: value for name, value in environment.items() if name.startswith(("ACCELERATE_", "FSDP_"))}
    return said | ({"ACCELERATE_USE_CPU": "true"} if arguments.use_cpu else {})


def find_config(name: str, folder: Path = CONFIGS) -> Path:
    """The accelerate file called `name`; `InputError` lists the known ones."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or f"none; {folder} is not there"
        raise InputError(f"scale.accelerate: no file {path}; use one of: {known}")
    return path


def _state() -> Any:
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())
