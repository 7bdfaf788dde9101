"""Train on a Ray cluster: send what is needed, wait, take over what was trained.

A training has its name from its fingerprint. Whoever starts it again under that name, with the same storage, goes on
from its last checkpoint, or takes over what it has finished.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import setwise
from setwise.errors import InputError
from setwise.params import Params
from setwise.quiet import TELEMETRY_OFF
from setwise.redact import redact
from setwise.scale_params import ClusterParams
from setwise.tracking import Run, TrackingError
from setwise.training.alarms import TrainingFailure
from setwise.training.curve import Curve
from setwise.training.on_worker import ClusterTrainer
from setwise.training.processes import launch_variables
from setwise.training.run_storage import CURVE, FAILURE, FINISHED, INPUTS_WHOLE, TRAINED, RunStorage, StorageError
from setwise.training.train import Trained

log = logging.getLogger("setwise.training")

_LOOK_EVERY_S = 2.0
_PATIENCE_S = 60.0
"""How long the cluster may take to notice that a driver was killed."""
_KNOCK_S = 10.0
_PASSED_ON = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "NCCL_DEBUG")


class ClusterFailure(RuntimeError):  # noqa: N818 - named for what the user reads
    """The cluster could not finish the training; the same command goes on from its last checkpoint."""


def run_name(method: str, fingerprint: str) -> str:
    """The name of a training on the cluster and of its folder on the storage."""
    return f"{method}-{fingerprint[:16]}"


def train_on_cluster(
    params: Params, method: str, name: str, policy: Path, questions: Path, workdir: Path, run: Run
) -> Trained:
    """Train `method` from `policy` on the cluster of `params.scale.cluster`; what was trained lies in `workdir` then.

    Raises:
        InputError: no ray, no such cluster, or the storage is away.
        TrainingFailure: training went wrong in a way that no new start mends.
        ClusterFailure: it was started again as often as `max_failures` says.
        TrackingError: it is trained, and its curve waits in `workdir`.
    """
    cluster = _require(params)
    curve = Curve(workdir / CURVE, run)
    if not (workdir / FINISHED / TRAINED).exists():
        storage = RunStorage(cluster.storage, name)
        if not storage.has(f"{FINISHED}/{TRAINED}"):
            _offer(storage, policy, questions)
            job = {
                "name": name,
                "method": method,
                "params": params.model_dump(mode="json"),
                "launch": launch_variables(params),
            }
            _run(cluster, job, storage, curve)
        _fetch(storage, workdir)
    shutil.copyfile(workdir / FINISHED / CURVE, curve.path)
    curve.resume(sys.maxsize)
    if not curve.flush():
        raise TrackingError(f"{curve.away}; {method} is trained and waits in {workdir} for a run to send its curve")
    left = json.loads((workdir / FINISHED / TRAINED).read_text(encoding="utf-8"))
    return Trained(**{**left, "weights": workdir / FINISHED / left["weights"]})


def forget(params: Params, name: str) -> None:
    """Remove what the storage holds of a training that has been taken over."""
    try:
        RunStorage(_require(params).storage, name).drop()
    except StorageError as error:
        log.warning("%s (what was trained is here; the folder %s may be removed by hand)", error, name)


def _require(params: Params) -> ClusterParams:
    cluster = params.scale.cluster
    assert cluster is not None
    if importlib.util.find_spec("ray") is None:
        raise InputError("scale.cluster: ray is not installed; pip install 'setwise[ray]', or set it to null")
    return cluster


def _offer(storage: RunStorage, policy: Path, questions: Path) -> None:
    """Lay the inputs down, once: the training's name says which they are."""
    if storage.has(INPUTS_WHOLE):
        return
    storage.upload(policy, "inputs/policy")
    storage.upload(questions, "inputs/train.parquet")
    storage.write(INPUTS_WHOLE, {})


def _fetch(storage: RunStorage, workdir: Path) -> None:
    draft = workdir / f".{FINISHED}.fetched"
    shutil.rmtree(draft, ignore_errors=True)
    storage.download(FINISHED, draft)
    draft.rename(workdir / FINISHED)


def _run(cluster: ClusterParams, job: dict[str, Any], storage: RunStorage, curve: Curve) -> None:
    """Have the cluster train to the end; what was told as a failure is raised here."""
    import ray
    from ray.exceptions import RayError

    _connect(cluster)
    log.info("%s: on the cluster %s as %s", job["method"], cluster.address, job["name"])
    try:
        ended, away = _only_trainer(job["name"]).fit.remote(job), ""
        while not ray.wait([ended], timeout=_LOOK_EVERY_S)[0]:
            away = _take_curve(storage, curve, away)
        ray.get(ended)
    except (RayError, ConnectionError) as error:
        _raise_told(storage)
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise ClusterFailure(
            f"the cluster did not finish {job['name']}: {redact(lines[-1].strip() if lines else repr(error)):.300}; "
            "the same command goes on from the last checkpoint"
        ) from error
    finally:
        ray.shutdown()
    _raise_told(storage)


def _reach(address: str) -> None:
    """Knock once at a given address: Ray itself would try for minutes. `ConnectionError` where nobody answers."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise ConnectionError(f"nobody answers ({error})") from error


def _connect(cluster: ClusterParams) -> None:
    for name, value in (*TELEMETRY_OFF.items(), ("RAY_DEDUP_LOGS", "0"), ("RAY_COLOR_PREFIX", "0")):
        os.environ.setdefault(name, value)
    import ray

    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables |= {**TELEMETRY_OFF, "RAY_TRAIN_V2_ENABLED": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    # Read from here by the trainer: where `print` is Ray's, what dill prints to itself reaches the user.
    os.environ["RAY_TRAIN_ENABLE_PRINT_PATCH"] = variables["RAY_TRAIN_ENABLE_PRINT_PATCH"] = "0"
    package = str(Path(setwise.__file__).parent)
    environment = {"py_modules": [package], "env_vars": variables, "excludes": ["**/__pycache__"]}
    try:
        _reach(cluster.address)
        ray.init(
            cluster.address,
            namespace="setwise",
            runtime_env=environment,
            logging_level=logging.WARNING,
            logging_config=ray.LoggingConfig(log_level="ERROR"),  # of Ray's own processes; ours say what they do
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"scale.cluster.address: {cluster.address}: {redact(reason):.300}; start Ray there (`ray start`, "
            "docs/scale.md), or set scale.cluster to null"
        ) from error


def _only_trainer(name: str) -> Any:
    """The actor that trains under this name; one left by a killed driver is given time to end.

    Raises:
        ClusterFailure: another driver still trains under this name.
    """
    import ray

    end = time.monotonic() + _PATIENCE_S
    while _is_trained(name):
        if time.monotonic() >= end:
            raise ClusterFailure(
                f"{name} is being trained on this cluster for another process; wait until that has ended, or end it"
            )
        time.sleep(_LOOK_EVERY_S)
    actor = ray.remote(ClusterTrainer)
    return actor.options(name=name, num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()


def _is_trained(name: str) -> bool:
    import ray

    try:
        ray.get_actor(name)
    except ValueError:  # as Ray says that there is none
        return False
    return True


def _take_curve(storage: RunStorage, curve: Curve, away: str) -> str:
    """Send the tracking run what the curve has come to. What is away for now costs nothing: the end sends it all.

    Returns:
        What is away, and was said to be; empty where nothing is.
    """
    try:
        text = storage.read(CURVE)
        if text is not None and (not curve.path.exists() or curve.path.read_text(encoding="utf-8") != text):
            curve.path.write_text(text, encoding="utf-8")
            curve.resume(sys.maxsize)
            curve.flush()
    except (StorageError, TrackingError) as error:
        if str(error) != away:
            log.warning("%s; the curve waits", error)
        return str(error)
    return ""


def _raise_told(storage: RunStorage) -> None:
    """Raise what the training ended with, if it said so; the next start tries anew."""
    told = storage.read(FAILURE)
    if told is None:
        return
    failure = json.loads(told)
    storage.remove(FAILURE)
    raise (TrainingFailure if failure["kind"] == TrainingFailure.__name__ else InputError)(failure["reason"])
