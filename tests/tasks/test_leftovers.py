"""What a killed flow leaves behind is ended and removed; what belongs to one that runs is not touched."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from tasks.environment import stage_environment
from tasks.leftovers import end_leftover_processes, remove_dead_experiments

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
A_FLOW = f"""
import subprocess
from pathlib import Path
from tasks.environment import stage_environment
print(subprocess.Popen({SLEEP!r}, env=stage_environment(Path.cwd())).pid, flush=True)
input()
"""


@pytest.fixture
def flow(tmp_path):
    """A flow of the workspace in a process of its own, and the stage that it has started."""
    with subprocess.Popen(
        [sys.executable, "-c", A_FLOW], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        stage = psutil.Process(int(process.stdout.readline()))
        yield process, stage
        process.kill()
    if stage.is_running():
        stage.kill()


def test_a_stage_of_a_flow_that_still_runs_is_left_alone(flow, tmp_path):
    _, stage = flow
    assert end_leftover_processes(tmp_path) == 0
    assert stage.is_running()


def test_a_stage_whose_flow_was_killed_is_ended(flow, tmp_path):
    process, stage = flow
    process.kill()
    process.wait()
    assert end_leftover_processes(tmp_path) == 1
    assert not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE


def test_a_stage_of_another_workspace_is_left_alone(flow, tmp_path):
    process, stage = flow
    process.kill()
    process.wait()
    assert end_leftover_processes(tmp_path / "other") == 0
    assert stage.is_running()


def test_a_process_number_that_was_used_again_is_not_taken_for_the_flow(tmp_path):
    environment = stage_environment(tmp_path)
    environment["SETWISE_STAGE_BY"] = f"{os.getpid()} 1"
    with subprocess.Popen(SLEEP, env=environment):
        assert end_leftover_processes(tmp_path) == 1


def test_folders_of_experiments_are_removed_when_nobody_has_worked_in_them_for_long(tmp_path):
    folders = {name: tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / name for name in ("tmpa", "tmpb", "tmpc")}
    long_ago = time.time() - 86400
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        if name != "tmpc":
            os.utime(folder, (long_ago, long_ago))
    with subprocess.Popen(SLEEP, cwd=folders["tmpb"]) as at_work:
        assert remove_dead_experiments(tmp_path) == 1
        at_work.kill()
    assert [name for name, folder in folders.items() if folder.exists()] == ["tmpb", "tmpc"]
