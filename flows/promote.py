"""Register what was evaluated as challenger and make it champion if the gate lets it through; or roll the title back.

``python -m flows.promote`` does it here and now; ``python -m flows.promote --rollback`` is the way back.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.settings import temporary_settings
from prefect.states import Completed, Failed, State
from pydantic import Field

from flows.environment import workspace_above
from flows.run_server import server_for
from flows.workspace_lock import held
from setwise.errors import InputError
from setwise.tracking import TrackingError
from tasks.artifacts import show_table
from tasks.registry import (
    crown,
    decision_line,
    decision_rows,
    gate,
    load_workspace_params,
    register,
)

POLL_SECONDS = 2


class Approval(RunInput):
    """What a person answers when the flow waits."""

    approve: bool = Field(description="Whether the challenger becomes champion.")
    by: str = Field(min_length=1, max_length=200, description="Who decided.")


@flow(
    name="promote",
    description="Registers the evaluated model as challenger; it becomes champion if the gate lets it through.",
    flow_run_name="promote {workspace}",
    persist_result=False,
)
def promote(workspace: str = ".", method: str | None = None) -> "State[Any]":
    """Register, hold the gate, promote. The state is named Promoted, Refused or Denied; its data is the ``Decision``.

    Args:
        workspace: Folder of the clone whose evaluated model is taken.
        method: Whose model, as in params.yaml. Empty: registry.method there, else the one that states most.
    """
    logger = get_run_logger()
    folder = workspace_above(Path(workspace))
    try:
        params = load_workspace_params(folder)
        with held(folder, "wait", logger.info):
            named, version = register(folder, params, method)
            decision = gate(folder, params, named, version)
        line = decision_line(params.domain.name, decision)
        logger.info(line)
        _publish(line, decision)
        if not decision.passed:
            return Completed(name="Refused", message=line, data=decision)
        approval = None
        if params.registry.require_approval:
            approval = _ask_a_person(params.registry.approval_hours)
            if approval is None:  # Prefect fails a run that left its pause this way, in words of its own
                return Failed(message=f"{line}; nobody approved it in time", data=1)
            if not approval.approve:
                return Completed(name="Denied", message=f"{line}; denied by {approval.by}", data=decision)
        crown(folder, params.domain.name, decision, approval.by if approval else None)
    except InputError as error:
        return Failed(message=str(error), data=InputError.exit_code)
    except TrackingError as error:
        return Failed(message=str(error), data=1)
    return Completed(name="Promoted", message=line, data=decision)


def _publish(line: str, decision: Any) -> None:
    rows = decision_rows(decision) or [{"metric": "–", "passed": "yes" if decision.passed else "no"}]
    show_table(rows, key="promotion", description=line)


def _ask_a_person(hours: float) -> Approval | None:
    """Wait until a person resumes the run with an answer; None if nobody does in time."""
    try:
        return pause_flow_run(wait_for_input=Approval, timeout=int(hours * 3600), poll_interval=POLL_SECONDS)
    except FlowPauseTimeout:
        return None


def rollback(workspace: Path) -> str:
    """Give the title back to the champion before; return what was done in one line. Raises InputError if none was."""
    from setwise.registry import roll_back
    from setwise.tracking import model_name, said_in_one_line

    domain = load_workspace_params(workspace).domain.name
    with said_in_one_line(files=False):
        before, now = roll_back(domain, workspace)
    return f"{model_name(domain)}: version {now} is champion again; version {before} is barred until its tag is deleted"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 (promoted, refused or rolled back), 1 (failed) or 2 (bad input)."""
    parser = argparse.ArgumentParser(prog="python -m flows.promote", description=__doc__)
    parser.add_argument("--method", default=None, help="whose model to register (default: registry.method in params)")
    parser.add_argument("--rollback", action="store_true", help="make the champion before champion again")
    options = parser.parse_args(arguments)
    workspace = workspace_above(Path.cwd())
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        if options.rollback:
            sys.stdout.write(rollback(workspace) + "\n")
            return 0
        with server_for(workspace) as server, temporary_settings(server):
            state: State[Any] = promote(str(workspace), options.method, return_state=True)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return InputError.exit_code
    except TrackingError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    if state.is_completed():
        sys.stdout.write(f"{state.name}: {state.message}\n")
        return 0
    sys.stderr.write(f"error: {state.message}\n")
    code = state.result(raise_on_failure=False)
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    sys.exit(main())
