"""The Prefect task that has a stage run by a worker elsewhere and takes over what it made."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import Artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.states import Cancelling, Completed, Crashed, Failed, State

from setwise.errors import InputError
from tasks.environment import child_environment
from tasks.orders import Order, record_entry, write_order
from tasks.stages import RunningStages, StageOutcome, run_command

DEPLOYMENT = "train-order/train-order"
WORKERS_TRIED = 3
POLL_SECONDS = 2.0
ROUNDS_WITHOUT_A_SIGN = 3
LEAST_PATIENCE_SECONDS = 120.0  # a worker must start its process, fetch and check out before its first sign

_UNFINISHED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]


class HandoverFailure(RuntimeError):  # noqa: N818 - named for what the user reads
    """The stage did not come back done; one line says why."""


def artifact_key(order: Order) -> str:
    """The key under which the worker leaves what dvc.lock records, and the tag of the flow run."""
    return f"order-{order.key}"


@task(task_run_name="{stage} (gpu)", persist_result=False, cache_policy=NO_CACHE)
def hand_over(
    stage: str, upstream: tuple[str, ...], workspace: Path, running: RunningStages, checkpoint_seconds: float
) -> "State[Any]":
    """Order a stage from the ``gpu`` work pool, wait for it, and make it this workspace's own.

    A worker that shows no sign of life is given up and the order goes to the next, which goes on from its checkpoints.
    """
    log = get_run_logger().info
    began = time.monotonic()
    try:
        if _is_up_to_date(stage, workspace, running):
            return Completed(message="unchanged", name="Unchanged", data=StageOutcome(stage, "unchanged", 0.0))
        order = write_order(workspace, stage, upstream, checkpoint_seconds)
        _dvc(["push", *upstream], workspace, running, log)
        _have_it_run(order, workspace, running, log)
        _take_over(order, workspace, running, log)
    except (InputError, HandoverFailure) as error:
        code = InputError.exit_code if isinstance(error, InputError) else 1
        outcome = StageOutcome(stage, "failed", time.monotonic() - began, str(error), code)
        return Failed(message=f"{stage}: {error}", data=outcome)
    outcome = StageOutcome(stage, "ran", time.monotonic() - began)
    return Completed(message=f"ran on a gpu worker in {outcome.seconds:.1f} s", name="Ran", data=outcome)


def _have_it_run(order: Order, workspace: Path, running: RunningStages, log: Callable[[str], None]) -> None:
    for _ in range(WORKERS_TRIED):
        run = _order(order, log)
        ended = _watch(run, order, workspace, running)
        if ended is None:
            log("its worker shows no sign of life; ordering again")
        elif ended.is_completed():
            return
        elif not ended.is_crashed():
            raise HandoverFailure(ended.message or f"flow run {run} ended as {ended.name}")
    raise HandoverFailure(f"{WORKERS_TRIED} workers were lost one after another")


def _order(order: Order, log: Callable[[str], None]) -> UUID:
    """Order from the gpu pool, unless a run that has ended since did so already; return the flow run."""
    tag = artifact_key(order)
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]), state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))
    )
    with get_client(sync_client=True) as client:
        for found in client.read_flow_runs(flow_run_filter=wanted, limit=1):
            log(f"ordered by a run before this one: flow run {found.name}")
            return found.id
    parameters = {"order": order.model_dump(mode="json")}
    given: Any = {"parameters": parameters, "timeout": 0, "tags": [tag], "_sync": True}
    ordered: Any = run_deployment(DEPLOYMENT, **given)
    log(f"ordered from the gpu pool: flow run {ordered.name}")
    return UUID(str(ordered.id))


def _watch(flow_run: UUID, order: Order, workspace: Path, running: RunningStages) -> "State[Any] | None":
    """Return the run's final state; None once a running one has given no new sign of life for too long."""
    patience = max(LEAST_PATIENCE_SECONDS, ROUNDS_WITHOUT_A_SIGN * order.checkpoint_seconds)
    sign, seen_at, looked_at = "", time.monotonic(), 0.0
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(flow_run).state
            if state is not None and state.is_final():
                return state
            if running.stopping:
                client.set_flow_run_state(flow_run, Cancelling())
                raise HandoverFailure("stopped on request; the worker was told")
            now = time.monotonic()
            if state is None or not state.is_running():
                seen_at = now
            elif now - looked_at >= order.checkpoint_seconds / 2:
                looked_at, latest = now, _sign_of_life(order, workspace)
                if latest is None or latest != sign:  # a remote that is away says nothing about the worker
                    sign, seen_at = latest or sign, time.monotonic()
            if now - seen_at > patience:
                client.set_flow_run_state(flow_run, Crashed(message="its worker shows no sign of life"), force=True)
                return None
            time.sleep(POLL_SECONDS)


def _sign_of_life(order: Order, workspace: Path) -> str | None:
    """The worker's last sign, empty before its first; None if the remote does not answer."""
    done = subprocess.run(
        [sys.executable, "-m", "tasks.checkpoint_store", "alive", order.key],
        cwd=workspace,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode else done.stdout.strip()


def _take_over(order: Order, workspace: Path, running: RunningStages, log: Callable[[str], None]) -> None:
    if _is_up_to_date(order.stage, workspace, running):  # run in this very workspace
        return
    artifact: Any = Artifact.get(artifact_key(order), _sync=True)  # type: ignore[call-arg]
    if artifact is None:
        raise HandoverFailure(f"{order.stage}: the worker left no record of what it made")
    record_entry(workspace, order.stage, json.loads(artifact.data))
    _dvc(["pull", "--force", order.stage], workspace, running, log)
    if not _is_up_to_date(order.stage, workspace, running):
        raise HandoverFailure(f"{order.stage}: what came back was made from other inputs; are both clones alike?")


def _is_up_to_date(stage: str, workspace: Path, running: RunningStages) -> bool:
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "status", stage]
    code, lines = run_command(command, workspace, running, lambda _line: None)
    return code == 0 and any("up to date" in line for line in lines)


def _dvc(arguments: list[str], workspace: Path, running: RunningStages, log: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]
    code, lines = run_command(command, workspace, running, log)
    if code != 0:
        raise HandoverFailure(f"dvc {arguments[0]}: {' '.join(lines[-2:])[-300:] or 'stopped'}")
