"""``make up`` for real: a scheduled run completes, a worker's death ends its run, all goes down again."""

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import timedelta

import psutil
import pytest
from listening import LOCAL, listening_addresses
from make_up import HOUSE, act, ask, flow_runs, server_logs, start_rebuild, state_of, until

from flows import services
from flows.addresses import addresses
from flows.local_server import free_port
from flows.lost_runs import LOST, NEVER_BEGAN, PATIENCE, PATIENCE_TO_BEGIN, watch_for_lost_runs
from tasks.placement import WORKSPACE

pytestmark = pytest.mark.operations

EVERY_MINUTE = '"* * * * *"'


@pytest.fixture
def deployed_project(project):
    """The project with this repository's flows and deployments, the nightly one fired every minute."""
    for folder in ("flows", "tasks"):
        (project.root / folder).symlink_to(HOUSE / folder)
    deployments = (HOUSE / "prefect.yaml").read_text()
    assert '"0 2 * * *"' in deployments
    (project.root / "prefect.yaml").write_text(deployments.replace('"0 2 * * *"', EVERY_MINUTE))
    yield project
    act(project.root, "down")


def test_up_runs_what_is_scheduled_and_down_stops_what_up_started(deployed_project):
    project = deployed_project
    ports = {"SETWISE_PREFECT_PORT": str(free_port()), "SETWISE_MLFLOW_PORT": str(free_port())}
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    came_up = act(project.root, "up", **ports)
    assert came_up.returncode == 0, came_up.stderr
    assert f"http://127.0.0.1:{ports['SETWISE_PREFECT_PORT']}" in came_up.stdout
    record = json.loads((project.root / ".prefect" / "up.json").read_text())
    api, started = record["prefect_api"], [services.Started(**one) for one in record["processes"]]
    assert {one.name for one in started} >= {"prefect-server", "mlflow", "cpu-worker", "gpu-worker-0"}

    servers = [one for one in started if one.name in ("prefect-server", "mlflow")]
    assert [bool(listening_addresses(one.pid)) for one in servers] == [True, True]
    assert set().union(*(listening_addresses(one.pid) for one in started)) <= LOCAL

    deadline = time.monotonic() + 400
    while not (done := flow_runs(api, "Completed")):
        assert time.monotonic() < deadline, (project.root / ".prefect" / "logs" / "cpu-worker.log").read_text()
        time.sleep(1)
    assert done[0]["deployment_id"]
    assert done[0]["auto_scheduled"]
    assert sorted(project.starts()) == sorted(project.stages)

    changed = project.root / "prefect.yaml"
    changed.write_text(changed.read_text().replace(EVERY_MINUTE, '"7 3 * * *"'))
    again = act(project.root, "up").stdout
    (schedule,) = ask(f"{api}/deployments/name/rebuild/rebuild")["schedules"]
    assert schedule["schedule"]["cron"] == "7 3 * * *"
    assert "up already" in again
    assert "started again" not in again
    assert came_up.stdout in again
    stopped = act(project.root, "down")
    assert stopped.stdout.startswith("stopped: ")
    assert not any(one.process for one in started)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


@pytest.fixture
def up(project):
    """The project's services with this repository's flows and deployments; the address of the Prefect server.

    A run's process begins no sooner than the file `hold` is gone.
    """
    for folder in ("flows", "tasks"):
        (project.root / folder).symlink_to(HOUSE / folder)
    wait = f"sh -c 'while [ -e {project.root / 'hold'} ]; do sleep 0.2; done'"
    held = f'pull:\n  - prefect.deployments.steps.run_shell_script: {{script: "{wait}"}}\n'
    deployments = (HOUSE / "prefect.yaml").read_text()
    assert deployments.count("\npull:\n") == 1
    (project.root / "prefect.yaml").write_text(deployments.replace("pull:\n", held))
    came_up = act(project.root, "up", SETWISE_PREFECT_PORT=str(free_port()), SETWISE_MLFLOW_PORT=str(free_port()))
    assert came_up.returncode == 0, came_up.stderr
    yield json.loads((project.root / ".prefect" / "up.json").read_text())["prefect_api"]
    act(project.root, "down")


def patience(api: str, name: str) -> float:
    """Seconds for which the server's automation of this name waits."""
    (automation,) = ask(f"{api}/automations/filter", {"automations": {"name": {"any_": [name]}}})
    return float(automation["trigger"]["within"])


def cpu_worker(project) -> psutil.Process:
    record = json.loads((project.root / ".prefect" / "up.json").read_text())["processes"]
    return psutil.Process(next(one["pid"] for one in record if one["name"] == "cpu-worker"))


def kill_with_children(process: psutil.Process) -> None:
    process.suspend()  # it starts no more
    for one in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def test_a_run_whose_worker_is_killed_ends_as_crashed_and_the_next_run_completes(project, up):
    hang = "import time\nif name.startswith('train'):\n"
    project.in_every_stage(f"{hang}    for _ in range(3000): print('at work', flush=True); time.sleep(0.2)")
    assert patience(up, LOST) == PATIENCE.total_seconds()
    watch_for_lost_runs(up, timedelta(seconds=45))  # nobody wants to wait for what the constant says

    def in_training() -> bool:
        log = project.root / "starts.log"
        return log.exists() and "train@a" in log.read_text()

    def explain() -> str:
        return server_logs(project.root)

    first = start_rebuild(up)
    until(in_training, 300, explain)
    project.starts()
    cpu_worker(project).kill()
    until(lambda: state_of(up, first)["name"] == "Crashed", 300, explain)

    project.in_every_stage(f"{hang}    time.sleep(600)")
    assert "started again: cpu-worker\n" in act(project.root, "up").stdout
    second = start_rebuild(up)
    until(in_training, 300, explain)
    kill_with_children(cpu_worker(project))
    assert state_of(up, second)["name"] == "Running"
    third = start_rebuild(up)
    assert "started again: cpu-worker\n" in act(project.root, "up").stdout
    until(lambda: state_of(up, second)["name"] == "Crashed", 300, explain)
    assert "no sign of life" in state_of(up, second)["message"]

    project.in_every_stage("")
    until(lambda: state_of(up, third)["type"] not in ("SCHEDULED", "PENDING", "RUNNING"), 300, explain)
    assert state_of(up, third)["name"] == "Completed"
    assert project.outputs()["reports/report.txt"] == "raw\nprepare 1\ntrain@a 1\nraw\nprepare 1\ntrain@b 1\nreport 1\n"


def test_a_run_that_its_worker_took_and_never_began_ends_as_crashed_and_the_next_run_completes(project, up):
    def explain() -> str:
        return server_logs(project.root)

    assert patience(up, NEVER_BEGAN) == PATIENCE_TO_BEGIN.total_seconds()
    watch_for_lost_runs(up, patience_to_begin=timedelta(seconds=30))  # nobody wants to wait for what the constant says
    (project.root / "hold").touch()
    first = start_rebuild(up)
    until(lambda: state_of(up, first)["type"] == "PENDING", 300, explain)
    kill_with_children(cpu_worker(project))
    (project.root / "hold").unlink()
    assert state_of(up, first)["type"] == "PENDING"
    second = start_rebuild(up)
    assert "started again: cpu-worker\n" in act(project.root, "up").stdout
    until(lambda: state_of(up, first)["type"] == "CRASHED", 300, explain)
    assert state_of(up, first)["message"] == "taken by a worker, and not begun in 30 s: the worker is gone"
    until(lambda: state_of(up, second)["type"] not in ("SCHEDULED", "PENDING", "RUNNING"), 300, explain)
    assert state_of(up, second)["name"] == "Completed"


def test_down_leaves_a_process_that_took_over_a_recorded_number(project):
    other = psutil.Process()
    record = {"name": "cpu-worker", "pid": other.pid, "started": other.create_time() - 100}
    (project.root / ".prefect").mkdir()
    content = {"prefect_api": "http://127.0.0.1:1/api", "mlflow": "http://127.0.0.1:1", "processes": [record]}
    (project.root / ".prefect" / "up.json").write_text(json.dumps(content))
    assert act(project.root, "down").stdout.startswith("nothing to stop")


LEADER = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(sleep, stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def killed_service(project):
    """What a service of the workspace has started, after the service itself, which is recorded, was killed."""
    environment = {**os.environ, WORKSPACE: str(project.root)}
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    left = psutil.Process(int(leader.stdout.readline()))
    record = {"name": "mlflow", "pid": leader.pid, "started": psutil.Process(leader.pid).create_time()}
    (project.root / ".prefect").mkdir()
    content = {"prefect_api": "http://127.0.0.1:1/api", "mlflow": "http://127.0.0.1:1", "processes": [record]}
    (project.root / ".prefect" / "up.json").write_text(json.dumps(content))
    leader.kill()
    leader.communicate(timeout=30)
    yield left
    with contextlib.suppress(psutil.NoSuchProcess):
        left.kill()


def test_down_ends_what_a_killed_service_has_left_behind(project, killed_service):
    assert act(project.root, "down").stdout == "stopped: mlflow\n"
    assert has_ended(killed_service)


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_what_a_killed_service_has_left_behind_is_ended_before_it_is_started_again(
    project, killed_service, monkeypatch, capsys
):
    monkeypatch.setenv("PREFECT_HOME", str(project.root / ".prefect"))
    services.Services(project.root / "other", addresses()).end_left_behind()
    assert not has_ended(killed_service)
    services.Services(project.root, addresses()).end_left_behind()
    assert capsys.readouterr().out == "ended what mlflow had left behind\n"
    assert has_ended(killed_service)


def test_up_beside_the_pages_of_ui_is_refused(project):
    shown = psutil.Process()
    record = {"name": "prefect-server", "pid": shown.pid, "started": shown.create_time()}
    (project.root / ".prefect").mkdir()
    content = {"prefect_api": "http://127.0.0.1:1/api", "mlflow": "http://127.0.0.1:1", "processes": [record]}
    (project.root / ".prefect" / "up.json").write_text(json.dumps(content))
    refused = act(project.root, "up")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("`make ui` shows the servers' pages already")


def test_a_port_in_use_is_refused_with_the_setting_to_change(project):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = act(project.root, "up", SETWISE_PREFECT_PORT=port)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"port {port} on 127.0.0.1: ")
    assert "SETWISE_PREFECT_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["", "http", "0", "70000"])
def test_a_port_that_is_no_port_is_refused(project, port):
    refused = act(project.root, "ui", SETWISE_MLFLOW_PORT=port)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
