"""What stage `generate` has generated is not generated again, whichever process was killed."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from smoke_workspace import Workspace

METHOD = ("--method", "rlcr_multi")
IN_DVC = {"DVC_STAGE": "generate@rlcr_multi"}


def generated(workspace: Workspace) -> dict[str, int]:
    """The finished files of generations in the working folder, and when each was written."""
    found = (workspace.root / "checkpoints" / "completions" / "rlcr_multi").glob("*.parquet")
    return {path.name: path.stat().st_mtime_ns for path in found}


@pytest.mark.operations
def test_killed_in_its_midst_or_before_dvc_records_it_it_generates_nothing_twice(
    trained_workspace: Workspace, tmp_path: Path
) -> None:
    workspace = trained_workspace.copy(tmp_path / "workspace")
    output = workspace.root / "reports" / "completions" / "rlcr_multi"
    workspace.set(methods=["rlcr_multi"])
    begun = workspace.start("generate", *METHOD, **IN_DVC)
    while not generated(workspace):
        assert begun.running, begun.wait()
        time.sleep(0.01)
    begun.kill()
    assert begun.process.exitcode == -signal.SIGKILL
    before_the_kill = generated(workspace)
    assert not output.exists()

    assert workspace.run("generate", *METHOD, **IN_DVC).code == 0
    all_of_it = generated(workspace)
    assert all_of_it.items() >= before_the_kill.items()
    made = {path.name: path.read_bytes() for path in output.iterdir() if path.name != "cost.json"}
    assert all_of_it.keys() == {name for name in made if name.endswith(".parquet")}

    shutil.rmtree(output)  # as DVC does before it runs a stage
    assert workspace.run("generate", *METHOD, **IN_DVC).code == 0
    assert generated(workspace) == all_of_it
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.name != "cost.json"} == made

    judged = workspace.run("judge", *METHOD, DVC_STAGE="judge@rlcr_multi")  # DVC has recorded the text by then
    assert judged.code == 0 and not generated(workspace)
    assert workspace.run("generate", *METHOD, **IN_DVC).code == 0  # as `dvc repro --force`
    assert not generated(workspace).items() & all_of_it.items()

    assert workspace.run("generate", *METHOD).code == 0  # without DVC nobody records it
    assert not (workspace.root / "checkpoints" / "completions" / "rlcr_multi").exists()


@pytest.mark.operations
def test_when_dvc_alone_is_killed_its_generation_goes_on_and_the_next_dvc_takes_it_over(
    trained_workspace: Workspace, tmp_path: Path
) -> None:
    workspace = trained_workspace.copy(tmp_path / "workspace")
    assert workspace.command("dvc", "init", "--quiet", "--no-scm", "--force").code == 0
    command = ("dvc", "repro", "--single-item", "generate@rlcr_multi")
    environment = {**os.environ, "PYTHONPATH": str(workspace.root), "MLFLOW_TRACKING_URI": ""}
    dvc = subprocess.Popen(command, cwd=workspace.root, env=environment, stdout=subprocess.DEVNULL)
    while not generated(workspace):
        assert dvc.poll() is None
        time.sleep(0.01)
    dvc.kill()
    dvc.wait()
    before_the_kill = generated(workspace)
    again = workspace.command(*command, MLFLOW_TRACKING_URI="")
    assert again.code == 0, again
    assert generated(workspace).items() >= before_the_kill.items()
    shutil.rmtree(workspace.root / "reports" / "completions")
    assert "is cached - skipping run" in workspace.command(*command, MLFLOW_TRACKING_URI="").out
