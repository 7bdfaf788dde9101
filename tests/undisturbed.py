"""What a training of the smoke workspace must have left, however it was disturbed: as if nothing had happened."""

import sqlite3
from pathlib import Path

from smoke_workspace import PARAMS, Workspace

from setwise.digests import weights_digest

WORKDIR = "checkpoints/rlcr_multi"
STEPS: int = PARAMS["train"]["steps"]
SAVED_EVERY: int = STEPS // PARAMS["train"]["checkpoints"]


def tracked_runs(workspace: Workspace, store: Path | None = None) -> list[tuple[str, str]]:
    """Id and status of every tracking run, in the workspace's own database or another."""
    with sqlite3.connect(store or workspace.root / "mlruns" / "mlflow.db") as database:
        return list(database.execute("select run_uuid, status from runs order by start_time"))


def tracked_steps(workspace: Workspace, run: str, metric: str, store: Path | None = None) -> list[int]:
    """The steps at which the run holds a metric, in order."""
    with sqlite3.connect(store or workspace.root / "mlruns" / "mlflow.db") as database:
        found = database.execute("select step from metrics where run_uuid = ? and key = ? order by step", (run, metric))
        return [step for (step,) in found]


def assert_as_undisturbed(workspace: Workspace, undisturbed: Workspace, store: Path | None = None) -> None:
    """One finished run with every step once, in the file and in MLflow, and the very weights of an undisturbed run."""
    ((run, status),) = tracked_runs(workspace, store)
    assert status == "FINISHED"
    assert [row["step"] for row in workspace.curve("rlcr_multi")] == list(range(1, STEPS + 1))
    assert tracked_steps(workspace, run, "train/reward", store) == list(range(1, STEPS + 1))
    scored = tracked_steps(workspace, run, "train/held_out_reward", store)
    assert scored == list(range(SAVED_EVERY, STEPS + 1, SAVED_EVERY))
    times = {"train/step_time"}
    for ours, theirs in zip(workspace.curve("rlcr_multi"), undisturbed.curve("rlcr_multi"), strict=True):
        assert {k: v for k, v in ours.items() if k not in times} == {k: v for k, v in theirs.items() if k not in times}
    ours, theirs = (weights_digest(w.root / "models" / "rlcr_multi") for w in (workspace, undisturbed))
    assert ours == theirs
    workdir = workspace.root / WORKDIR  # under DVC it waits there until a later stage finds it recorded
    assert not workdir.exists() or (workdir / "finished.json").exists()
