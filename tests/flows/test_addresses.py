"""Servers listen on localhost unless told otherwise."""

import os
import socket
import subprocess
import sys

import psutil
import pytest
from listening import LOCAL, listening_addresses
from smoke_workspace import REPOSITORY

from flows.addresses import Addresses, addresses


@pytest.mark.parametrize(("told", "host"), [(None, "127.0.0.1"), ("", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")])
def test_the_servers_of_make_up_listen_where_they_are_told_and_else_on_localhost(
    told: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SETWISE_HOST", raising=False)
    if told is not None:
        monkeypatch.setenv("SETWISE_HOST", told)
    assert addresses().host == host
    assert {addresses().prefect, addresses().mlflow} == {f"http://{host}:4200", f"http://{host}:5000"}


def allowed(host: str, asked: str, page: str) -> tuple[bool, bool]:
    """Whether MLflow, told the names for a host, answers when asked by a name, and takes what a page there sends."""
    from mlflow.server.security_utils import is_allowed_host_header, should_block_cors_request

    told = Addresses(host, 4200, 5000).mlflow_names()
    hosts, origins = (told[f"MLFLOW_SERVER_{what}"].split(",") for what in ("ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS"))
    return is_allowed_host_header(hosts, asked), not should_block_cors_request(page, "POST", origins)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("gpu.example.org", True),
        (socket.gethostname(), True),
        ("localhost", True),
        ("10.1.2.3", True),
        ("evil.org", False),
    ],
)
def test_mlflow_answers_by_the_names_of_its_machine_and_no_others(name: str, answers: bool, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_SERVER_ALLOWED_HOSTS", raising=False)
    assert allowed("gpu.example.org", f"{name}:5000", f"http://{name}:5000") == (answers, answers)


def test_mlflow_is_left_alone_on_localhost_and_where_its_names_are_given(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_SERVER_ALLOWED_HOSTS", raising=False)
    assert Addresses("127.0.0.1", 4200, 5000).mlflow_names() == {}
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "proxy.example.org")
    assert Addresses("10.1.2.3", 4200, 5000).mlflow_names() == {}


A_RUN = """
from pathlib import Path
from flows.run_server import server_for
with server_for(Path.cwd()):
    print("up", flush=True)
    input()
"""


@pytest.fixture
def run(tmp_path):
    """Start a process that has the server of a run started by hand; return it once the server is up."""
    started = []

    def start() -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PREFECT_HOME": str(tmp_path / ".prefect")}
        environment.pop("PREFECT_API_URL", None)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-c", A_RUN], cwd=tmp_path, env=environment, **pipes))
        assert started[-1].stdout.readline() == "up\n"
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.communicate("\n")


def server_of(run: "subprocess.Popen[str]") -> psutil.Process:
    (server,) = psutil.Process(run.pid).children()
    return server


@pytest.mark.operations
def test_the_server_of_a_run_started_by_hand_listens_on_localhost_and_ends_with_it(run):
    one = run()
    server = server_of(one)
    assert listening_addresses(server.pid)
    assert listening_addresses(one.pid) <= LOCAL
    one.communicate("\n")
    assert not server.is_running()


@pytest.mark.operations
def test_the_server_of_a_run_that_was_killed_is_ended_by_the_next_and_that_of_a_run_at_work_is_not(run):
    killed, at_work = run(), run()
    left, other = server_of(killed), server_of(at_work)
    killed.kill()
    killed.wait()
    assert left.is_running()
    run()
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert other.is_running()
