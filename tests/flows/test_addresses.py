"""Servers listen on localhost unless told otherwise."""

import os
import socket

import psutil
import pytest
from listening import LOCAL, listening_addresses

from flows import local_server
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

    told = dict(zip(*[iter(Addresses(host, 4200, 5000).mlflow_names())] * 2, strict=True))
    hosts, origins = (told[option].split(",") for option in ("--allowed-hosts", "--cors-allowed-origins"))
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
    assert Addresses("127.0.0.1", 4200, 5000).mlflow_names() == []
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "proxy.example.org")
    assert Addresses("10.1.2.3", 4200, 5000).mlflow_names() == []


@pytest.mark.operations
def test_the_server_of_a_run_started_by_hand_listens_on_localhost(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / ".prefect"))
    before = {process.pid for process in psutil.Process().children()}
    with local_server.server_for(tmp_path):
        (server,) = (process for process in psutil.Process().children() if process.pid not in before)
        assert listening_addresses(server.pid)
        assert listening_addresses(os.getpid()) <= LOCAL
