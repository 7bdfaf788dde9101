"""Bring the whole pipeline up to date: the DAG of ``dvc.yaml``, a Prefect task a stage, independent ones side by side.

``python -m flows.rebuild`` runs it here and now, without an account or a server; a deployment runs the same flow.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from prefect import flow, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import temporary_settings
from prefect.states import Completed, Failed, State
from pydantic import PositiveInt

from flows.environment import workspace_above
from flows.run_server import server_for
from flows.side_by_side import Rebuild, run_stages
from flows.workspace_lock import IfBusy, WorkspaceBusyError, held
from setwise.errors import InputError
from setwise.params import load_params
from tasks.artifacts import as_markdown, show_table
from tasks.dag import StageNode, read_dag, select
from tasks.report_table import METRICS_FILE, Row, as_text, metric_rows
from tasks.stages import RunningStages, StageOutcome, run_command, run_stage

INTERRUPTED = 130
DEPLOYMENT = "rebuild"
PROMOTION = "promote/promote"


def default_parallel() -> int:
    """How many stages run side by side unless told: one for every two processors, and two at least."""
    return max(2, (os.cpu_count() or 2) // 2)


@flow(
    name="rebuild",
    description="Brings every DVC stage up to date and shows the set-level metrics.",
    flow_run_name="rebuild {workspace}",
    persist_result=False,
    validate_parameters=True,
)
def rebuild(
    workspace: str = ".",
    targets: tuple[str, ...] = (),
    max_parallel: PositiveInt | None = None,
    if_busy: IfBusy = "wait",
) -> "State[Any]":
    """Bring the stages up to date. The returned state's data is a :class:`Rebuild`.

    Args:
        workspace: Folder of the clone whose dvc.yaml is brought up to date.
        targets: Stages to bring up to date, with all they depend on; `train` means every train@method. Empty: all.
        max_parallel: Most stages side by side. Empty: one for every two processors, two at least.
        if_busy: When another rebuild of this workspace is running: wait for it, or skip this run.
    """
    logger = get_run_logger()
    folder = workspace_above(Path(workspace))
    try:
        with held(folder, if_busy, logger.info):
            _check_inputs(folder, logger.info)
            dag = select(read_dag(folder, logger.info), targets)
            result = _run(dag, folder, max_parallel or default_parallel())
            _publish(folder, result, logger.info)
            _keep_report_in_runs(folder, result, logger.info)
    except WorkspaceBusyError as busy:
        return Completed(name="Skipped", message=f"skipped: {busy}", data=Rebuild())
    except InputError as error:
        return Failed(message=str(error), data=_refused(str(error)))
    if result.exit_code:
        return Failed(message=result.summary(), data=result)
    if runtime.deployment.name == DEPLOYMENT:
        _order_promotion(logger.info)
    return Completed(message=result.summary(), data=result)


def _order_promotion(log: Callable[[str], None]) -> None:
    """Have the deployment `promote` run, once for this run of `rebuild`.

    No automation does it: a server on SQLite that is busy drops an event, or acts on it several times.
    """
    given: Any = {"timeout": 0, "as_subflow": False, "idempotency_key": f"after {runtime.flow_run.id}", "_sync": True}
    try:
        ordered: Any = run_deployment(PROMOTION, **given)
    except ObjectNotFound:
        log(f"nothing is promoted: this server has no deployment {PROMOTION}; `make up` applies it")
        return
    log(f"the model is held against the champion: flow run {ordered.name}")


def _check_inputs(workspace: Path, log: Callable[[str], None]) -> None:
    """Before DVC is asked: refuse mistaken params, whose keys it may pass over, and find data that were replaced."""
    if not (workspace / "pipelines").is_dir():
        return
    load_params(workspace / "params.yaml")
    code, lines = run_command([sys.executable, "-m", "pipelines.inputs"], workspace, RunningStages(), log)
    if code:
        raise InputError(lines[-1].removeprefix("error: ") if lines else f"pipelines.inputs ended with code {code}")


def _refused(message: str) -> Rebuild:
    return Rebuild({"dvc.yaml": StageOutcome("dvc.yaml", "failed", 0.0, message, InputError.exit_code)})


def _run(dag: tuple[StageNode, ...], workspace: Path, max_parallel: int) -> Rebuild:
    running = RunningStages()

    def start(node: StageNode, known_unchanged: bool, upstream: list[PrefectFuture[Any]]) -> PrefectFuture[Any]:
        return run_stage.submit(node.name, workspace, running, known_unchanged, return_state=False, wait_for=upstream)

    try:
        return run_stages(dag, max_parallel, start)
    except BaseException:  # Ctrl-C, or a worker told to cancel the run: no stage may outlive it
        running.stop_all()
        raise


def _publish(workspace: Path, result: Rebuild, log: Callable[[str], None]) -> None:
    stages = [
        {
            "stage": outcome.stage,
            "state": outcome.state,
            "seconds": f"{outcome.seconds:.1f}",
            "message": outcome.message,
        }
        for outcome in result.outcomes.values()
    ]
    stages += [{"stage": name, "state": "not started", "seconds": "", "message": ""} for name in result.skipped]
    show_table(stages, key="stages", description="What became of each stage of this run.")
    rows = _metrics(workspace, log)
    if rows:
        show_table(rows, key="metrics", description="Set-level metrics by method, with 95% intervals.")
    summary = workspace / "reports" / "summary.md"
    if summary.is_file():
        page = workspace / "reports" / "report.html"
        links = f"Report: {as_markdown(str(page))}. Runs and curves: MLflow (`make ui`)."
        create_markdown_artifact(f"{summary.read_text(encoding='utf-8')}\n{links}\n", key="summary")


def _keep_report_in_runs(workspace: Path, result: Rebuild, log: Callable[[str], None]) -> None:
    """Put a new report into the tracking runs of the methods. A store that is away costs the copy, not the rebuild."""
    report = result.outcomes.get("report")
    if report is None or report.state not in ("ran", "restored") or not (workspace / "pipelines").is_dir():
        return
    code, lines = run_command([sys.executable, "-m", "pipelines.publish"], workspace, RunningStages(), log)
    if code:
        said = lines[-1].removeprefix("error: ") if lines else f"exit code {code}"
        log(f"the report is not in the tracking runs ({said}); `python -m pipelines.publish` puts it there")


def _metrics(workspace: Path, log: Callable[[str], None]) -> list[Row]:
    try:
        rows = metric_rows(workspace)
    except ValueError as error:
        log(str(error))
        return []
    if not rows:
        log(f"no metrics yet: {METRICS_FILE} is not there")
    return rows


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _print_summary(workspace: Path, result: Rebuild, seconds: float) -> None:
    rows = metric_rows(workspace) if result.exit_code == 0 else []
    if rows:
        _print("\n" + as_text(rows))
    _print(f"\n{result.summary()} ({seconds:.0f} s)")
    if result.skipped:
        _print(f"not started: {', '.join(result.skipped)}")
    report = workspace / "reports" / "report.html"
    if result.exit_code == 0 and report.is_file():
        _print(f"report: {report}")
        _print("training curves and runs: make ui (MLflow and Prefect on localhost)")


def main(arguments: list[str] | None = None) -> int:
    """Run the flow here and now; return 0, 1 (a stage failed), 2 (bad input) or 130 (interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m flows.rebuild", description=__doc__)
    parser.add_argument("targets", nargs="*", help="stages to bring up to date, with all they depend on (default: all)")
    parser.add_argument("--max-parallel", type=int, default=None, help="most stages side by side")
    parser.add_argument("--if-busy", choices=("wait", "skip"), default="wait", help="when a rebuild is running already")
    options = parser.parse_args(arguments)
    workspace = workspace_above(Path.cwd())
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with server_for(workspace) as server, temporary_settings(server):
            state: State[Any] = rebuild(
                str(workspace), options.targets, options.max_parallel, options.if_busy, return_state=True
            )
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return InputError.exit_code
    except KeyboardInterrupt:
        _print("\ninterrupted: finished stages are kept; the same command goes on from there")
        return INTERRUPTED
    except httpx.HTTPError as error:
        sys.stderr.write(f"error: the Prefect server of this run does not answer ({error})\n")
        sys.stderr.write("what was finished is kept; the same command goes on from there\n")
        return 1
    result = state.result(raise_on_failure=False)
    if not isinstance(result, Rebuild):
        _print(str(state.message or result))
        return 1
    if state.name == "Skipped":
        _print(str(state.message))
        return 0
    _print_summary(workspace, result, time.monotonic() - began)
    return result.exit_code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
