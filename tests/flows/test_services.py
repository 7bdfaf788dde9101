"""``make up`` for real: a scheduled run completes, what is killed comes up again, all goes down."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest
from listening import LOCAL, free_port, listening_addresses
from make_up import HOUSE, PYTHONPATH, act, ask, configure, flow_runs, server_logs, start_rebuild, state_of, until

from flows.services import SERVERS, Services, answers

pytestmark = pytest.mark.operations

EVERY_MINUTE = '"* * * * *"'


def change(project, name: str, old: str, new: str) -> None:
    path = project.root / name
    content = path.read_text()
    assert content.count(old) == 1, (name, old)
    path.write_text(content.replace(old, new))


@pytest.fixture
def deployed(project):
    """The project with this repository's flows and deployments."""
    for folder in ("flows", "tasks"):
        (project.root / folder).symlink_to(HOUSE / folder)
    configure(project.root)
    yield project
    act(project.root, "down")


def ports() -> dict[str, str]:
    return {"SETWISE_PREFECT_PORT": str(free_port()), "SETWISE_MLFLOW_PORT": str(free_port())}


def processes(project) -> dict[str, psutil.Process]:
    """The process of each program that runs, by its name, asked of supervisor by its own command."""
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf", "status"]
    told = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False).stdout
    lines = [line.replace(",", "").split() for line in told.splitlines() if " RUNNING " in line]
    return {words[0].rpartition(":")[2]: psutil.Process(int(words[3])) for words in lines}


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_up_runs_what_is_scheduled_and_down_stops_what_up_started(deployed):
    project, where = deployed, ports()
    change(project, "prefect.yaml", '"0 2 * * *"', EVERY_MINUTE)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    came_up = act(project.root, "up", **where)
    assert came_up.returncode == 0, came_up.stderr
    assert f"http://127.0.0.1:{where['SETWISE_PREFECT_PORT']}" in came_up.stdout
    started = processes(project)
    assert {"prefect-server", "mlflow", "cpu-worker", "gpu-worker-0"} <= set(started)
    assert [bool(listening_addresses(started[name].pid)) for name in SERVERS] == [True, True]
    assert set().union(*(listening_addresses(one.pid) for one in started.values())) <= LOCAL

    api = Services(project.root).api()
    until(lambda: flow_runs(api, "Completed"), 400, lambda: server_logs(project.root))
    done = flow_runs(api, "Completed")
    assert done[0]["deployment_id"]
    assert done[0]["auto_scheduled"]
    assert sorted(project.starts()) == sorted(project.stages)

    change(project, "prefect.yaml", EVERY_MINUTE, '"7 3 * * *"')
    again = act(project.root, "up").stdout
    (schedule,) = ask(f"{api}/deployments/name/rebuild/rebuild")["schedules"]
    assert schedule["schedule"]["cron"] == "7 3 * * *"
    assert again == f"up already\n{came_up.stdout}"
    assert processes(project) == started
    told = act(project.root, "status").stdout
    assert "cpu-worker" in told
    assert came_up.stdout in told

    stopped = act(project.root, "down")
    assert stopped.stdout.startswith("stopped: ")
    assert all(has_ended(one) for one in started.values())
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert act(project.root, "down").stdout.startswith("nothing to stop")
    assert act(project.root, "status").stdout.startswith("nothing is up here")


@pytest.fixture
def up(deployed, request):
    """The project under `make up`, `within` seconds of an automation changed; the address of the Prefect server.

    A run's process begins no sooner than the file `hold` is gone.
    """
    wait = f"sh -c 'while [ -e {deployed.root / 'hold'} ]; do sleep 0.2; done'"
    held = f'pull:\n  - prefect.deployments.steps.run_shell_script: {{script: "{wait}"}}\n'
    change(deployed, "prefect.yaml", "\npull:\n", f"\n{held}")
    change(deployed, "automations.yaml", *(f"within: {seconds} " for seconds in request.param))
    came_up = act(deployed.root, "up", **ports())
    assert came_up.returncode == 0, came_up.stderr
    return Services(deployed.root).api()


def kill_with_children(process: psutil.Process) -> None:
    process.suspend()  # it starts no more
    for one in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


HANG = "import time\nif name.startswith('train'):\n"


@pytest.mark.parametrize("up", [(180, 45)], indirect=True)  # nobody wants to wait for what the file says
def test_a_run_whose_worker_is_killed_ends_and_the_next_run_completes(deployed, up):
    project = deployed
    project.in_every_stage(f"{HANG}    for _ in range(3000): print('at work', flush=True); time.sleep(0.2)")

    def in_training() -> bool:
        log = project.root / "starts.log"
        return log.exists() and "train@a" in log.read_text()

    def explain() -> str:
        return server_logs(project.root)

    first = start_rebuild(up)
    until(in_training, 300, explain)
    project.starts()
    processes(project)["cpu-worker"].kill()
    until(lambda: state_of(up, first)["name"] == "Crashed", 300, explain)

    project.in_every_stage(f"{HANG}    time.sleep(600)")
    second = start_rebuild(up)
    until(in_training, 300, explain)
    kill_with_children(processes(project)["cpu-worker"])
    assert state_of(up, second)["name"] == "Running"
    third = start_rebuild(up)
    until(lambda: state_of(up, second)["name"] == "Crashed", 300, explain)
    assert "no sign of life" in state_of(up, second)["message"]

    project.in_every_stage("")
    until(lambda: state_of(up, third)["type"] not in ("SCHEDULED", "PENDING", "RUNNING"), 300, explain)
    assert state_of(up, third)["name"] == "Completed"
    assert project.outputs()["reports/report.txt"] == "raw\nprepare 1\ntrain@a 1\nraw\nprepare 1\ntrain@b 1\nreport 1\n"


@pytest.mark.parametrize("up", [(600, 30)], indirect=True)
def test_a_run_that_its_worker_took_and_never_began_ends_as_crashed_and_the_next_run_completes(deployed, up):
    def explain() -> str:
        return server_logs(deployed.root)

    (deployed.root / "hold").touch()
    first = start_rebuild(up)
    until(lambda: state_of(up, first)["type"] == "PENDING", 300, explain)
    kill_with_children(processes(deployed)["cpu-worker"])
    (deployed.root / "hold").unlink()
    second = start_rebuild(up)
    until(lambda: state_of(up, first)["type"] == "CRASHED", 300, explain)
    assert state_of(up, first)["message"].startswith("taken by a worker, and not begun")
    until(lambda: state_of(up, second)["type"] not in ("SCHEDULED", "PENDING", "RUNNING"), 300, explain)
    assert state_of(up, second)["name"] == "Completed"


@pytest.fixture
def pages(deployed):
    """`make ui` in the project, once it has said where the pages are; the environment it was started with."""
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PREFECT_HOME": str(deployed.root / ".prefect"), **ports()}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "flows.services", "ui"]
    process = subprocess.Popen(command, cwd=deployed.root, env=environment, stdout=subprocess.PIPE, text=True)
    said = ""
    while "Ctrl-C ends both" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    yield process, environment
    process.kill()
    process.communicate()


def test_a_server_that_is_killed_comes_up_again_and_ctrl_c_ends_the_pages(deployed, pages):
    process, environment = pages
    urls = [f"http://127.0.0.1:{environment['SETWISE_PREFECT_PORT']}/api/health"]
    urls.append(f"http://127.0.0.1:{environment['SETWISE_MLFLOW_PORT']}/health")
    before = processes(deployed)
    assert "cpu-worker" not in before
    below = [one for name in SERVERS for one in before[name].children(recursive=True)]
    for name in SERVERS:
        before[name].kill()

    def are_up_again() -> bool:
        now = processes(deployed)
        anew = all(name in now and now[name] != before[name] for name in SERVERS)
        return anew and all(has_ended(one) for one in below) and all(map(answers, urls))

    until(are_up_again, 300, lambda: server_logs(deployed.root))
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    assert not any(map(answers, urls))
    assert act(deployed.root, "down").stdout.startswith("nothing to stop")


def test_what_a_supervisor_that_was_killed_has_left_behind_is_ended_by_down(deployed, pages):
    left = processes(deployed)
    pages[0].kill()
    Services(deployed.root).supervisor.kill()
    told = act(deployed.root, "down").stdout
    assert told.startswith("stopped: ")
    assert set(SERVERS) <= set(told.removeprefix("stopped: ").strip().split(", "))
    until(lambda: all(has_ended(one) for one in left.values()), 30, lambda: told)


def test_up_goes_on_where_its_supervisor_was_killed(deployed, pages):
    process, environment = pages
    process.kill()
    where = {name: environment[name] for name in ("SETWISE_PREFECT_PORT", "SETWISE_MLFLOW_PORT")}
    left = processes(deployed)
    Services(deployed.root).supervisor.kill()
    came_up = act(deployed.root, "up", **where)
    assert came_up.returncode == 0, came_up.stderr
    assert all(has_ended(one) for one in left.values())
    assert {"cpu-worker", *SERVERS} <= set(processes(deployed))


@pytest.mark.parametrize("setting", ["SETWISE_PREFECT_PORT", "SETWISE_MLFLOW_PORT"])
def test_a_port_in_use_is_refused_with_the_setting_to_change(deployed, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = act(deployed.root, "up", **{**ports(), setting: port})
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"port {port} on 127.0.0.1: ")
    assert f"set {setting} to a free port" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["", "http", "0", "70000"])
def test_a_port_that_is_no_port_is_refused(deployed, port):
    refused = act(deployed.root, "ui", SETWISE_MLFLOW_PORT=port)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_workspace_whose_path_is_too_long_for_a_socket_is_refused(new_project):
    project = new_project("w" * 90, ("a",))
    refused = act(project.root, "up", **ports())
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "move the workspace to a shorter path" in refused.stderr
