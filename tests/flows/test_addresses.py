"""Servers listen on localhost unless told otherwise."""

import os

import psutil
import pytest
from listening import LOCAL, listening_addresses

from flows import local_server
from flows.services import addresses


@pytest.mark.parametrize(("told", "host"), [(None, "127.0.0.1"), ("", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")])
def test_the_servers_of_make_up_listen_where_they_are_told_and_else_on_localhost(
    told: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SETWISE_HOST", raising=False)
    if told is not None:
        monkeypatch.setenv("SETWISE_HOST", told)
    assert addresses().host == host
    assert {addresses().prefect, addresses().mlflow} == {f"http://{host}:4200", f"http://{host}:5000"}


@pytest.mark.operations
def test_the_server_of_a_run_started_by_hand_listens_on_localhost(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / ".prefect"))
    before = {process.pid for process in psutil.Process().children()}
    with local_server.server_for(tmp_path):
        (server,) = (process for process in psutil.Process().children() if process.pid not in before)
        assert listening_addresses(server.pid)
        assert listening_addresses(os.getpid()) <= LOCAL
