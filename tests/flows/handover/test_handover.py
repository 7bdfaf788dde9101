"""Training on another machine: what was trained there is done here."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from machines import kill, rebuild_on_gpu
from smoke_workspace import Workspace
from undisturbed import WORKDIR, assert_as_undisturbed

pytestmark = pytest.mark.operations


def test_a_stage_trained_elsewhere_is_done_here_and_nothing_is_trained_twice(shared, machine, tmp_path):
    machine("there", 0.0)
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "there.log").read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {tmp_path / 'there'}\n"
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"
    assert set(yaml.safe_load((shared.root / "dvc.lock").read_text())["stages"]) == set(shared.stages)
    again = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=shared.root, capture_output=True, text=True, check=True
    )
    assert "Running stage" not in again.stdout


def test_a_worker_of_the_very_workspace_that_orders_trains_there(shared, machine, tmp_path):
    machine("beside", clone="here")
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "beside.log").read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {shared.root}\n"
    assert shared.outputs()["reports/report.txt"] == "raw\nprepare 1\ntrain@a 1\nreport 1\n"


WAIT_FOR_THE_OTHER = """
if name.startswith("train@"):
    pathlib.Path(f"began-{name}").touch()
    while len(list(pathlib.Path().glob("began-*"))) < 2:
        time.sleep(0.1)
"""


@pytest.mark.parametrize("methods", [("a", "b")])
def test_workers_of_one_clone_train_side_by_side(shared, machine, tmp_path):
    machine("there")
    machine("beside", clone="there")
    (tmp_path / "there" / "extra.py").write_text(WAIT_FOR_THE_OTHER)
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "there.log").read_text())
    trained = sorted((tmp_path / "training.log").read_text().splitlines())
    assert trained == [f"train@{method} from 0 in {tmp_path / 'there'}" for method in "ab"]
    assert {name for name in shared.outputs() if "models" in name} == {"models/a.txt", "models/b.txt"}


def test_the_real_training_goes_on_at_another_worker_as_if_undisturbed(
    real: Workspace, trained_workspace: Workspace, machine, tmp_path
):
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db", "OMP_NUM_THREADS": "1"}
    doomed = machine("first", **tracking)
    seen = []

    def kill_after_a_checkpoint() -> None:
        """Training stands still at its second checkpoint or later until that is on the remote; then all is killed."""
        seen.extend(wait_for_checkpoints(tmp_path / "first" / WORKDIR, 2))
        training = [one for one in doomed.children(recursive=True) if "pipelines.train" in one.cmdline()]
        for process in training:
            process.suspend()
        wait_for_checkpoints(tmp_path / "remote" / "checkpoints", 2)
        kill(doomed)
        machine("second", **tracking)

    killer = threading.Thread(target=kill_after_a_checkpoint)
    killer.start()
    result = rebuild_on_gpu(real, ("train",))
    killer.join()
    logs = "\n".join((tmp_path / f"{name}.log").read_text() for name in ("first", "second"))
    assert result.exit_code == 0, (result.summary(), logs)
    assert seen
    assert "rlcr_multi: going on from step" in (tmp_path / "second.log").read_text(), logs
    assert_as_undisturbed(real, trained_workspace, tmp_path / "tracking.db")
    again = real.python("-m", "dvc", "repro", "train@rlcr_multi")
    assert (again.code, "Running stage" in again.out) == (0, False), again


def wait_for_checkpoints(folder: Path, at_least: int) -> list[Path]:
    """Wait until the folder holds so many whole checkpoints."""
    deadline = time.monotonic() + 300
    while len(found := list(folder.rglob("checkpoint-*/manifest.json"))) < at_least:
        assert time.monotonic() < deadline, f"{folder}: no {at_least} checkpoints"
        time.sleep(0.01)
    return found


def test_changes_that_are_not_committed_are_refused_by_name(shared):
    with (shared.root / "step.py").open("a") as step:
        step.write("# changed\n")
    result = rebuild_on_gpu(shared)
    assert (result.exit_code, result.summary().split(":")[:2]) == (2, ["train@a", " step.py"])
