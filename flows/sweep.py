"""Train and evaluate every combination of some params, each in a temporary clone of the workspace, and rank them."""

import itertools
import json
import re
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State
from pydantic import PositiveInt

from flows.environment import workspace_above
from setwise.errors import InputError
from setwise.leaderboard import Standing
from tasks.artifacts import show_table
from tasks.leaderboard import create_database, leaderboard
from tasks.stages import RunningStages, run_variant, uncommitted

MOST_VARIANTS = 200
_PARAM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
Value = str | int | float | bool
Variant = dict[str, Value]


def combinations(grid: dict[str, list[Value]]) -> list[Variant]:
    """Return every combination of the grid's values, the last param varying fastest.

    Raises InputError for an empty grid, what is no param, a param without values, or more than 200 combinations.
    """
    empty = [name for name, values in grid.items() if not values]
    if not grid or empty:
        raise InputError(f"grid: {', '.join(empty) or 'no param'} has no values; give each param a list of some")
    if strange := [name for name in grid if not _PARAM.fullmatch(name)]:
        raise InputError(f"grid: {strange[0]!r} is no param; name it as in train.learning_rate")
    variants = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(variants) > MOST_VARIANTS:
        raise InputError(f"grid: {len(variants)} combinations; take at most {MOST_VARIANTS} at a time")
    return variants


@task(task_run_name="variant {number}", persist_result=False, cache_policy=NO_CACHE)
def _try_variant(
    number: int, variant: Variant, sweep_id: str, workspace: Path, running: RunningStages, room: threading.Semaphore
) -> "State[Any]":
    tags = {"setwise.sweep": sweep_id, "setwise.variant": json.dumps(variant, sort_keys=True)}
    with room:
        outcome = run_variant(f"sweep-{sweep_id}-{number}", variant, tags, workspace, running, get_run_logger().info)
    if outcome.state in ("failed", "stopped"):
        return Failed(message=f"{variant}: {outcome.message}", data=outcome)
    return Completed(message=f"{variant}: done in {outcome.seconds:.1f} s", data=outcome)


@flow(
    name="sweep",
    description="Trains and evaluates every combination of some params and ranks them by a metric in MLflow.",
    persist_result=False,
)
def sweep(
    grid: dict[str, list[Value]],
    rank_by: str,
    lower_is_better: bool | None = None,
    max_parallel: PositiveInt = 1,
    workspace: str = ".",
) -> "State[Any]":
    """Run the sweep. The returned state's data is the list of ``Standing``, best first.

    Args:
        grid: Params and the values to try, as in {"train.learning_rate": [0.001, 0.003], "k": [2, 3]}.
        rank_by: The metric to rank by, as MLflow names it.
        lower_is_better: Whether less of that metric is better; if left out, what docs/metrics.md says.
        max_parallel: Most combinations side by side.
        workspace: Folder of the clone; what is committed is what runs, and its files are left as they are.
    """
    logger = get_run_logger()
    folder = workspace_above(Path(workspace))
    try:
        variants = combinations(grid)
    except InputError as error:
        return Failed(message=str(error), data=[])
    sweep_id = uuid.uuid4().hex[:8]
    logger.info(f"sweep {sweep_id}: {len(variants)} combinations")
    if left_out := uncommitted(folder):
        logger.warning(f"not in the sweep, since not committed: {', '.join(left_out)}")
    create_database(folder)
    failed = _try_all(variants, sweep_id, folder, max_parallel)
    standings = leaderboard(folder, sweep_id, rank_by, lower_is_better)
    _publish(standings, rank_by, sweep_id, logger.info)
    if failed or not standings:
        reason = f"{failed} of {len(variants)} combinations failed" if failed else f"no run logged {rank_by!r}"
        return Failed(message=f"sweep {sweep_id}: {reason}", data=standings)
    return Completed(message=f"sweep {sweep_id}: best is {standings[0].describe(rank_by)}", data=standings)


def _try_all(variants: list[Variant], sweep_id: str, workspace: Path, max_parallel: int) -> int:
    """Run the variants and return how many failed; one that fails does not stop the others."""
    running = RunningStages()
    try:
        limited = threading.BoundedSemaphore(max_parallel)
        futures = [
            _try_variant.submit(number, variant, sweep_id, workspace, running, limited, return_state=False)
            for number, variant in enumerate(variants)
        ]
        for future in futures:
            future.wait()
    except BaseException:  # Ctrl-C, or a worker told to cancel the run
        running.stop_all()
        raise
    return sum(not future.state.is_completed() for future in futures)


def _publish(standings: list[Standing], rank_by: str, sweep_id: str, log: Callable[[str], None]) -> None:
    for place, standing in enumerate(standings, start=1):
        log(f"{place}. {standing.describe(rank_by)}")
    if standings:
        show_table(
            [standing.row(rank_by) for standing in standings], key="leaderboard", description=f"sweep {sweep_id}"
        )
