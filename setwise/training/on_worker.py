"""What runs on the cluster: Ray Train's trainer, and in each of its workers the training that runs here, too.

The working folder is the last checkpoint that Ray kept; after each checkpoint of ours Ray takes the folder over. So a
worker that is started again, on this machine or another, goes on as a training does that was killed at home.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.params import Params, validate_params
from setwise.redact import Redacting
from setwise.training.alarms import TrainingFailure
from setwise.training.checkpoints import prune, step_of
from setwise.training.processes import is_main, process_count, wait_for_all
from setwise.training.run_storage import CURVE, FAILURE, FINISHED, TRAINED, RunStorage, StorageError

log = logging.getLogger("setwise.training")

_WORKDIR, _INPUTS = Path("work"), Path("inputs")
"""Relative, for each machine has a folder of its own and all processes must call a checkpoint by the same name."""
_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK")
_SHARDED = {"ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"}


class ClusterTrainer:
    """An actor that runs Ray's trainer; its name is the training's, so the cluster holds one of each."""

    def fit(self, job: dict[str, Any]) -> None:
        """Train, or go on from the last checkpoint under `job["name"]`; see `setwise.training.cluster` for the job."""
        from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer

        params = validate_params(job["params"], "params.yaml")
        cluster = params.scale.cluster
        assert cluster is not None
        resources = {"CPU": params.threads} | ({"GPU": cluster.gpus_per_worker} if cluster.gpus_per_worker else {})
        TorchTrainer(
            train_loop,
            train_loop_config=job,
            scaling_config=ScalingConfig(
                num_workers=cluster.workers, use_gpu=cluster.gpus_per_worker > 0, resources_per_worker=resources
            ),
            run_config=RunConfig(
                name=job["name"],
                storage_path=cluster.storage,
                failure_config=FailureConfig(max_failures=cluster.max_failures),
                checkpoint_config=CheckpointConfig(num_to_keep=2),
            ),
        ).fit()


def train_loop(job: dict[str, Any]) -> None:
    """One worker: train what `job` says, and leave what was trained, or why it was not, on the storage."""
    params = validate_params(job["params"], "params.yaml")
    cluster = params.scale.cluster
    assert cluster is not None
    _speak()
    storage = RunStorage(cluster.storage, job["name"])
    if storage.has(f"{FINISHED}/{TRAINED}") or storage.has(FAILURE):
        return  # its end was lost, not its work
    os.environ.update(job["launch"])
    if cluster.workers == 1 and not _SHARDED & job["launch"].keys():
        for name in _RANKS:  # no group of one: as in a process at home
            os.environ.pop(name, None)
    try:
        _train(params, job["method"], storage)
    except StorageError:
        raise  # it may be back when Ray starts this again
    except (TrainingFailure, InputError) as error:
        if is_main():
            storage.write(FAILURE, {"kind": type(error).__name__, "reason": str(error)})
        if process_count() > 1:
            raise  # the others wait for this one, until Ray ends and starts them all again to find this out


def _train(params: Params, method: str, storage: RunStorage) -> None:
    import ray
    import ray.train
    import torch
    from transformers import set_seed

    from setwise.training.train import train_method

    context = ray.train.get_context()
    home = Path.cwd() / ray.get_runtime_context().get_node_id()
    home.mkdir(exist_ok=True)
    os.chdir(home)
    leads_node = context.get_local_rank() == 0
    if leads_node:
        _lay_out(storage)
    wait_for_all()
    torch.set_num_threads(params.threads)
    set_seed(params.seed)

    def hand_over() -> None:
        _report(storage, leads_node)

    examples = read_examples(_INPUTS / "train.parquet")
    trained = train_method(params, method, _INPUTS / "policy", examples, _WORKDIR, None, hand_over)
    if is_main():
        storage.upload(trained.weights, f"{FINISHED}/weights")
        storage.upload(_WORKDIR / CURVE, f"{FINISHED}/{CURVE}")
        storage.write(f"{FINISHED}/{TRAINED}", {**asdict(trained), "weights": "weights"})
    wait_for_all()
    if leads_node:
        os.chdir(home.parent)
        shutil.rmtree(home)


def _lay_out(storage: RunStorage) -> None:
    """The inputs, and the working folder as Ray kept it; nothing of what an earlier worker has left here."""
    import ray.train

    for folder in (_INPUTS, _WORKDIR):
        shutil.rmtree(folder, ignore_errors=True)
    storage.download("inputs", _INPUTS)
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        _WORKDIR.mkdir()
    else:
        checkpoint.to_directory(str(_WORKDIR))


def _report(storage: RunStorage, leads_node: bool) -> None:
    """Hand the working folder over to Ray, each machine its own; the curve to whoever waits."""
    import ray.train

    if is_main():
        prune(_WORKDIR, newest=1)  # Ray keeps the one before
        storage.upload(_WORKDIR / CURVE, CURVE)
    elif leads_node:
        for older in sorted(_WORKDIR.glob("checkpoint-*"), key=step_of)[:-1]:
            shutil.rmtree(older)
    checkpoint = ray.train.Checkpoint.from_directory(str(_WORKDIR)) if leads_node else None
    ray.train.report({}, checkpoint=checkpoint)


def _speak() -> None:
    level = logging.INFO if is_main() else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Redacting())
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or not record.name.startswith("ray."))
    for noisy in ("datasets", "httpx", "transformers", "trl"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning)
