"""Stage `train@<method>`: multi-answer RL from the warm start, resumable, tracked as one MLflow run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.finished import discard_recorded, keep_until_recorded
from pipelines.paths import CHECKPOINTS, curve_path, data_folder, model_folder, split_path
from pipelines.questions import training_questions
from pipelines.stage import StageFailure, alone_in, log, run_method_stage, whole_folder, write_whole
from setwise.asked import note_asked
from setwise.borrowed import check_borrowed
from setwise.digests import file_digest, weights_digest
from setwise.errors import InputError
from setwise.params import Params
from setwise.tracking import WEIGHTS_TAG, Run, failing, reopen_run, start_run
from setwise.training.checkpoints import newest_whole
from setwise.training.workdir import open_workdir, remember_run, training_fingerprint

if TYPE_CHECKING:
    from setwise.training.train import Trained


def train(params: Params, method: str) -> None:
    """Write `models/<method>` and `reports/curves/<method>.jsonl`; an interrupted training goes on where it can."""
    from setwise.plan.launch import read_launch
    from setwise.plan.tokens import check_limit
    from setwise.training.processes import launch_command, launch_environment

    check_limit("train", params.train.max_completion_tokens, params, [method])
    read_launch(params)
    command = launch_command(params, ["-m", "pipelines.train", "--method", method])
    if command is None:
        _train_here(params, method)
        return
    log.info("%s: starting `%s`", method, " ".join(command[2:]))
    code = subprocess.run(command, env=launch_environment(), check=False).returncode
    sys.exit(code if code >= 0 else 128 - code)  # -N, killed by signal N: as a shell says it, so that it is tried again


def _train_here(params: Params, method: str) -> None:
    """Train in this process, which may be one of several, or have a cluster train for it."""
    import torch
    from transformers import set_seed

    from setwise.training.processes import is_main, wait_for_all
    from setwise.training.train import train_method

    check_borrowed("trl")
    policy = model_folder("warmstart")
    if not policy.is_dir():
        raise InputError(f"{policy}: the warm start is missing; run `dvc repro warmstart`")
    torch.set_num_threads(params.threads)
    set_seed(params.seed)
    data = {split: file_digest(data_folder(params) / f"{split}.parquet") for split in ("train", "test")}
    examples = training_questions(params)
    policy_digest = weights_digest(policy)
    fingerprint = training_fingerprint(params, method, policy_digest, data["train"])
    workdir = CHECKPOINTS / method
    if not is_main():
        wait_for_all()
        train_method(params, method, policy, examples, workdir, None)
        return
    with alone_in(workdir, "trains"):
        discard_recorded(workdir)
        run = _open_run(params, method, open_workdir(workdir, fingerprint), data, policy_digest)
        remember_run(workdir, fingerprint, run.run_id)
        wait_for_all()
        with _told_where_it_stands(params, method, workdir), failing(run):
            if params.scale.cluster is None:
                trained = train_method(params, method, policy, examples, workdir, run)
            else:
                trained = _train_on_cluster(params, method, fingerprint, workdir, run)
            _keep(params, trained, method, workdir, run)
        keep_until_recorded(workdir)
        if params.scale.cluster is not None:
            _forget_on_cluster(params, method, fingerprint)


def _train_on_cluster(params: Params, method: str, fingerprint: str, workdir: Path, run: Run) -> Trained:
    from setwise.training.cluster import ClusterFailure, run_name, train_on_cluster

    name, questions = run_name(method, fingerprint), split_path(params, "train")
    try:
        return train_on_cluster(params, method, name, model_folder("warmstart"), questions, workdir, run)
    except ClusterFailure as error:
        raise StageFailure(f"{method}: {error}") from error


def _forget_on_cluster(params: Params, method: str, fingerprint: str) -> None:
    from setwise.training.cluster import forget, run_name

    forget(params, run_name(method, fingerprint))


@contextmanager
def _told_where_it_stands(params: Params, method: str, workdir: Path) -> Iterator[None]:
    """Turn a training that went wrong into a failure of the stage, which names the checkpoint that is kept."""
    from setwise.training.alarms import TrainingFailure

    try:
        yield
    except TrainingFailure as error:
        if params.scale.cluster is not None:
            raise StageFailure(
                f"{method}: {error} (its checkpoints are kept: {params.scale.cluster.storage})"
            ) from error
        kept = newest_whole(workdir)
        where = "no checkpoint was reached" if kept is None else f"the last good checkpoint is kept: {kept}"
        raise StageFailure(f"{method}: {error} ({where})") from error


def _keep(params: Params, trained: Trained, method: str, workdir: Path, run: Run) -> None:
    """Write the stage's outputs from what lies in `workdir` and end the run."""
    digest = weights_digest(trained.weights)
    with whole_folder(model_folder(method)) as folder:
        shutil.copytree(trained.weights, folder, dirs_exist_ok=True)
        note_asked(folder, params, method)
    write_whole(curve_path(method), (workdir / "curve.jsonl").read_text(encoding="utf-8"))
    run.log_metrics({"train/seconds": trained.seconds, "train/best_step": trained.best_step}, trained.steps)
    run.set_tags({WEIGHTS_TAG: digest})
    run.finish()
    log.info(
        "%s: %d steps in %.0f s; kept step %d (held-out reward %.3f)",
        method,
        trained.steps - trained.resumed_from,
        trained.seconds - trained.resumed_seconds,
        trained.best_step,
        trained.best_score,
    )


def _open_run(params: Params, method: str, interrupted: str | None, data: dict[str, str], policy: str) -> Run:
    """The run of the interrupted training, taken up again, or a new one."""
    if interrupted is not None:
        run = reopen_run(interrupted)
        if run is not None:
            return run
        log.info("%s: the tracking run of the interrupted training is gone; its curve goes to a new one", method)
    return start_run(params, method, data, {"setwise.warmstart": policy, "setwise.stage": "train"})


if __name__ == "__main__":
    run_method_stage("train", train)
