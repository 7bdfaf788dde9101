"""``make up`` for real: servers, workers and deployments come up, a scheduled run completes, all goes down again."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from listening import LOCAL, listening_addresses

from flows import services
from flows.local_server import free_port

pytestmark = pytest.mark.operations

HOUSE = Path(services.__file__).parent.parent
PYTHONPATH = os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))
EVERY_MINUTE = '"* * * * *"'


def act(project, action: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PREFECT_HOME": str(project.root / ".prefect"), **settings}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "flows.services", action]
    return subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)


def flow_runs(api: str, state: str) -> list[dict]:
    query = json.dumps({"flow_runs": {"state": {"name": {"any_": [state]}}}}).encode()
    request = urllib.request.Request(f"{api}/flow_runs/filter", query, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def deployed_project(project):
    """The project with this repository's flows and deployments, the nightly one fired every minute."""
    for folder in ("flows", "tasks"):
        (project.root / folder).symlink_to(HOUSE / folder)
    deployments = (HOUSE / "prefect.yaml").read_text()
    assert '"0 2 * * *"' in deployments
    (project.root / "prefect.yaml").write_text(deployments.replace('"0 2 * * *"', EVERY_MINUTE))
    yield project
    act(project, "down")


def test_up_runs_what_is_scheduled_and_down_stops_what_up_started(deployed_project):
    project = deployed_project
    ports = {"SETWISE_PREFECT_PORT": str(free_port()), "SETWISE_MLFLOW_PORT": str(free_port())}
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    came_up = act(project, "up", **ports)
    assert came_up.returncode == 0, came_up.stderr
    assert f"http://127.0.0.1:{ports['SETWISE_PREFECT_PORT']}" in came_up.stdout
    record = json.loads((project.root / ".prefect" / "up.json").read_text())
    api, started = record["prefect_api"], [services.Started(**one) for one in record["processes"]]
    assert {one.name for one in started} >= {"prefect-server", "mlflow", "cpu-worker", "gpu-worker-0"}

    servers = [one for one in started if one.name in ("prefect-server", "mlflow")]
    assert [bool(listening_addresses(one.pid)) for one in servers] == [True, True]
    assert set().union(*(listening_addresses(one.pid) for one in started)) <= LOCAL

    deadline = time.monotonic() + 240
    while not (done := flow_runs(api, "Completed")):
        assert time.monotonic() < deadline, (project.root / ".prefect" / "logs" / "cpu-worker.log").read_text()
        time.sleep(1)
    assert done[0]["deployment_id"]
    assert done[0]["auto_scheduled"]
    assert sorted(project.starts()) == sorted(project.stages)

    assert "up already" in act(project, "up", **ports).stdout
    stopped = act(project, "down")
    assert stopped.stdout.startswith("stopped: ")
    assert not any(one.process for one in started)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_down_leaves_a_process_that_took_over_a_recorded_number(project):
    other = psutil.Process()
    record = {"name": "cpu-worker", "pid": other.pid, "started": other.create_time() - 100}
    (project.root / ".prefect").mkdir()
    content = {"prefect_api": "http://127.0.0.1:1/api", "mlflow": "http://127.0.0.1:1", "processes": [record]}
    (project.root / ".prefect" / "up.json").write_text(json.dumps(content))
    assert act(project, "down").stdout.startswith("nothing to stop")


def test_a_port_in_use_is_refused_with_the_setting_to_change(project):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = act(project, "up", SETWISE_PREFECT_PORT=port)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"port {port} on 127.0.0.1: ")
    assert "SETWISE_PREFECT_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["", "http", "0", "70000"])
def test_a_port_that_is_no_port_is_refused(project, port):
    refused = act(project, "ui", SETWISE_MLFLOW_PORT=port)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
