"""A run, a stage or DVC is killed or interrupted, and two runs are started in one workspace."""

import shutil
import signal

import psutil
import pytest
from runs import HANG_IN_TRAINING, finish, in_training, stage_processes, to_the_end, until

pytestmark = pytest.mark.operations


def test_ctrl_c_says_so_leaves_no_process_and_is_resumable(project, command):
    project.in_every_stage(HANG_IN_TRAINING)
    process = command()
    until(lambda: in_training(project), "training started")
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "interrupted: finished stages are kept" in printed
    assert "Traceback" not in printed
    assert stage_processes(project) == []
    project.starts()
    finish(project, command)
    assert "prepare" not in project.starts()


def test_what_a_killed_flow_has_started_is_waited_for_by_the_next_run(project, command):
    project.in_every_stage("while name.startswith('train') and not pathlib.Path('go').exists(): time.sleep(0.1)")
    process = command()
    until(lambda: in_training(project), "training started")
    process.kill()
    process.wait()
    project.starts()
    second = command()
    said = ""
    while "is busy, it is being blocked by" not in said:
        line = second.stdout.readline()
        assert line, said
        said += line
    (project.root / "go").touch()
    to_the_end(project, second)
    assert "prepare" not in project.starts()


def test_a_run_whose_own_server_is_killed_says_so_and_has_lost_nothing(project, command, tmp_path):
    project.in_every_stage("while name.startswith('train') and not pathlib.Path('go').exists(): time.sleep(0.1)")
    process = command(PREFECT_API_URL="", PREFECT_HOME=str(tmp_path / "prefect"))
    until(lambda: in_training(project), "training started")
    (server,) = [one for one in psutil.Process(process.pid).children(recursive=True) if one.cmdline()[2] == "uvicorn"]
    server.kill()
    (project.root / "go").touch()
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 1
    assert "error: the Prefect server of this run does not answer" in printed
    assert "what was finished is kept; the same command goes on from there" in printed
    assert stage_processes(project) == []
    project.starts()
    finish(project, command)
    assert not {"prepare", "train@a", "train@b"} & set(project.starts())


def test_a_run_that_was_taken_for_lost_goes_on_and_ends_as_completed(project, command):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.states import Crashed

    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    process = command()
    until(lambda: (project.root / "starts.log").exists(), "the run is at work")
    named = FlowRunFilter.model_validate({"name": {"any_": [f"rebuild {project.root}"]}})
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(flow_run_filter=named)
        client.set_flow_run_state(run.id, Crashed(message="no sign of life"))
        assert client.read_flow_run(run.id).state.is_crashed()
        (project.root / "go").touch()
        to_the_end(project, process)
        assert client.read_flow_run(run.id).state.is_completed()


# DVC runs a stage in the shell that SHELL names: bash becomes the command, dash stays its parent and exits with 137.
@pytest.mark.parametrize(("program", "shell"), [("dvc", "bash"), ("step.py", "bash"), ("step.py", "dash")])
def test_a_stage_that_is_killed_or_whose_dvc_is_killed_is_run_again(program, shell, project, command):
    if not (shell_path := shutil.which(shell)):
        pytest.skip(f"no {shell} here")
    project.in_every_stage("if name == 'train@a' and not pathlib.Path('go').exists(): time.sleep(600)")
    process = command(SHELL=shell_path)
    until(lambda: in_training(project), "training started")
    at_work = [(one, one.cmdline()) for one in stage_processes(project)]
    doomed = [one for one, words in at_work if program in words and ("models/a.txt" in words or words[-1] == "train@a")]
    doomed[-1].suspend()  # so that it can't see "go", which lets the next try through, before it is killed
    (project.root / "go").touch()
    doomed[-1].kill()
    printed = to_the_end(project, process)
    assert f"{'DVC' if program == 'dvc' else 'its command'} was killed by signal 9 (SIGKILL)" in printed


def test_a_second_run_waits_for_the_first_and_says_for_whom(project, command):
    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    first = command()
    until(lambda: (project.root / "starts.log").exists(), "the first run is at work")
    second = command()
    waiting = ""
    while "waiting: another rebuild" not in waiting:
        waiting = second.stdout.readline()
        assert waiting, "the second run ended without waiting"
    assert f"process {first.pid}" in waiting
    (project.root / "go").touch()
    assert first.wait(300) == 0
    assert "nothing to do: all 4 stages unchanged" in to_the_end(project, second)


def test_a_second_run_may_be_skipped(project, command):
    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    first = command()
    until(lambda: (project.root / "starts.log").exists(), "the first run is at work")
    second = command("--if-busy", "skip")
    assert "skipped: another rebuild of this workspace is running" in second.communicate(timeout=120)[0]
    assert second.returncode == 0
    (project.root / "go").touch()
    to_the_end(project, first)
