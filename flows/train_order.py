"""Run one stage for another machine: the flow behind the deployment ``train-order`` on the ``gpu`` work pool."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State

from flows.environment import workspace_above
from flows.workspace_lock import IfBusy, WorkspaceBusyError, held, is_laid_out, note_layout, shared
from setwise.errors import InputError
from setwise.redact import redact
from tasks.environment import child_environment
from tasks.handover import artifact_key
from tasks.orders import Order, check_home, lay_out, lock_entry
from tasks.placement import identity
from tasks.stages import RunningStages, StageOutcome, reproduce, run_command

MOST_SECONDS_WITHOUT_A_SIGN = 30.0


class OrderFailure(RuntimeError):  # noqa: N818 - named for what the user reads
    """The order can't be carried out now; one line says why."""


@flow(name="train-order", description="Runs one stage for another machine, by the DVC remote.", persist_result=False)
def train_order(order: Order, workspace: str = ".") -> "State[Any]":
    """Carry out the order. What dvc.lock records of the stage goes back as an artifact, its outputs by the remote.

    Args:
        order: The stage and what it needs; written by the flow `rebuild`.
        workspace: This machine's clone.
    """
    log = get_run_logger().info
    folder = workspace_above(Path(workspace))
    running = RunningStages()
    beat = ("beat", order.key, "", str(min(order.checkpoint_seconds, MOST_SECONDS_WITHOUT_A_SIGN)))
    try:
        with _beside(beat, "no more signs of life are given", folder, log), _laid_out(order, folder, log):
            outcome = _carry_out(order, folder, running, log)
        _store("drop", order, folder)
    except (InputError, OrderFailure) as error:
        return Failed(message=str(error))
    except BaseException:  # cancelled, or its worker was told to stop
        running.stop_all()
        raise
    return Completed(message=f"{order.stage}: {outcome.state} in {outcome.seconds:.1f} s")


@contextmanager
def _laid_out(order: Order, workspace: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Have the clone as the order needs it for the length of the block; orders that need it alike work in it at once.

    The clone that the order comes from is so already, and held by the run that waits for this one.
    """
    if order.home == identity(workspace):
        check_home(order, workspace)
        yield
        return
    if_busy: IfBusy = "skip"
    while True:
        with suppress(WorkspaceBusyError), held(workspace, if_busy, log):
            lay_out(order, workspace)
            note_layout(workspace, order.layout)
        with shared(workspace, log):
            if is_laid_out(workspace, order.layout):
                yield
                return
        if_busy = "wait"


def _carry_out(order: Order, workspace: Path, running: RunningStages, log: Callable[[str], None]) -> StageOutcome:
    _dvc(["pull", "--force", *order.upstream], workspace, running, log)
    found = _store("fetch", order, workspace)
    if found != "0":
        log(f"going on from {found} files of checkpoints on the remote")
    follow = ("follow", order.key, str(order.checkpoints), str(order.checkpoint_seconds))
    with _beside(follow, "no longer copied to the remote; a worker after this one would begin anew", workspace, log):
        outcome = reproduce(order.stage, workspace, running, log)
    if outcome.state in ("failed", "stopped"):
        raise OrderFailure(f"{order.stage}: {outcome.message}")
    _dvc(["push", order.stage], workspace, running, log)
    entry = "    " + json.dumps(lock_entry(workspace, order.stage))  # indented: pages show it as code
    create_markdown_artifact(entry, key=artifact_key(order), description=f"what dvc.lock records of {order.stage}")
    return outcome


@contextmanager
def _beside(what: Sequence[str], ended_early: str, workspace: Path, log: Callable[[str], None]) -> Iterator[None]:
    """Have the checkpoint store do something for the length of the block, passing on what it says."""
    command = [sys.executable, "-m", "tasks.checkpoint_store", *what]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    follower = subprocess.Popen(command, cwd=workspace, env=child_environment(), **pipes)
    ended = threading.Event()

    def pass_on() -> None:
        for line in follower.stdout or ():
            log(f"checkpoints: {redact(line.decode(errors='replace').rstrip())}")
        if not ended.is_set():
            log(f"checkpoints: {ended_early}")

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        follower.terminate()
        follower.wait()
        reader.join()
        if follower.stdout is not None:
            follower.stdout.close()


def _store(action: str, order: Order, workspace: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tasks.checkpoint_store", action, order.key, str(order.checkpoints)],
        cwd=workspace,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OrderFailure(f"the remote did not answer ({action} checkpoints): {redact(done.stderr.strip())[-300:]}")
    return done.stdout.strip()


def _dvc(arguments: list[str], workspace: Path, running: RunningStages, log: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]
    code, lines = run_command(command, workspace, running, log)
    if code != 0:
        raise OrderFailure(f"dvc {arguments[0]}: {' '.join(lines[-2:])[-300:] or 'stopped'}")
