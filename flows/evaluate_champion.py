"""Look at the champion again: its figures on the current test split, or on questions that nobody has seen yet."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State

from flows.environment import workspace_above
from setwise.errors import InputError
from setwise.tracking import TrackingError
from tasks.artifacts import show_table
from tasks.champion import evaluate_again
from tasks.registry import load_workspace_params

Questions = Literal["test", "fresh"]


@flow(
    name="evaluate-champion",
    description="Asks the champion again and sets its figures beside those of its card.",
    flow_run_name="evaluate-champion {workspace}",
    persist_result=False,
)
def evaluate_champion(workspace: str = ".", questions: Questions = "test", seed: int | None = None) -> "State[Any]":
    """Evaluate the champion; the figures go to its MLflow run too. The state is named Completed or Worse.

    Args:
        workspace: Folder of the clone whose champion and data are taken.
        questions: The current test split (which may have grown since), or fresh ones, drawn anew by the domain.
        seed: What fresh questions are drawn by. Empty: today's date, so that each day has its own.
    """
    folder = workspace_above(Path(workspace))
    try:
        params = load_workspace_params(folder)
        look = evaluate_again(folder, params, questions == "fresh", seed)
    except (InputError, TrackingError) as error:
        return Failed(message=str(error))
    show_table(look.rows(), key="champion", description=look.line())
    get_run_logger().info(look.line())
    name = "Worse" if look.worse else "Completed"
    return Completed(name=name, message=look.line(), data=look)
