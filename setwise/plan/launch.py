"""How a training is launched, read from its accelerate file: processes, and what each of them holds of the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from setwise.errors import InputError
from setwise.params import Params
from setwise.training.processes import CONFIGS, find_config


@dataclass(frozen=True)
class Launch:
    """Processes and how the model is shared out over them.

    Attributes:
        weights, gradients: over how many processes each is shared out (1: whole on each); the optimizer's state goes
            with the gradients.
    """

    name: str
    kind: str
    processes: int
    machines: int
    weights: int
    gradients: int
    mixed_precision: str

    @property
    def sharded(self) -> bool:
        """Whether no process holds the whole training state."""
        return self.kind.startswith("DeepSpeed") or self.kind == "FSDP"


ONE = Launch("none", "one process", 1, 1, 1, 1, "no")


def read_launch(params: Params, folder: Path = CONFIGS) -> Launch:
    """The launch that `scale.accelerate` names; on a cluster with the workers that it says.

    Raises:
        InputError: no such file, a kind that is not known, or settings that `scale` contradicts.
    """
    name = params.scale.accelerate
    cluster = params.scale.cluster
    if name is None:
        return ONE if cluster is None or cluster.workers == 1 else replace(ONE, kind="DDP", processes=cluster.workers)
    path = find_config(name, folder)
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if cluster is not None:  # how many machines they lie on, Ray decides
        content |= {"num_processes": cluster.workers, "num_machines": 1}
    launch = _read(name, path, content)
    if launch.mixed_precision == "bf16" and params.scale.mixed_precision != "bf16":
        raise InputError(f"scale.mixed_precision: {path} says bf16; set it to bf16, or mixed_precision: 'no' there")
    if launch.sharded and params.scale.draws == "row":
        raise InputError(f"scale.draws: 'row' needs the whole model in each process, {launch.kind} shares it out")
    return launch


def _read(name: str, path: Path, content: dict[str, Any]) -> Launch:
    processes, kind = int(content["num_processes"]), str(content["distributed_type"])
    machines, precision = int(content.get("num_machines", 1)), str(content.get("mixed_precision", "no"))
    if kind in ("NO", "MULTI_GPU", "MULTI_CPU"):
        label = {"NO": "one process", "MULTI_GPU": "DDP", "MULTI_CPU": "DDP on the CPU"}[kind]
        return Launch(name, label, processes, machines, 1, 1, precision)
    if kind == "FSDP":
        return Launch(name, "FSDP", processes, machines, processes, processes, precision)
    stage = content.get("deepspeed_config", {}).get("zero_stage")
    if kind == "DEEPSPEED" and stage in (2, 3):
        return Launch(
            name, f"DeepSpeed ZeRO-{stage}", processes, machines, processes if stage == 3 else 1, processes, precision
        )
    raise InputError(
        f"{path}: distributed_type {kind} is not planned for; use NO, MULTI_GPU, MULTI_CPU, DEEPSPEED, FSDP"
    )
