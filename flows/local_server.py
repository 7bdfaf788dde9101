"""The Prefect server a run started by hand uses: the workspace's running one, else a small one for the run's length."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prefect
import psutil
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from flows.started import Started
from setwise.tracking_store import require_usable
from tasks import lifeline
from tasks.environment import child_environment

START_TIMEOUT_SECONDS = 120.0
DRAIN_SECONDS = 20.0
HOST = "127.0.0.1"


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers at ``api_url``."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def running_server(workspace: Path) -> str | None:
    """Return the API address of the server that ``make up`` or ``make ui`` started for this workspace, if it is up."""
    record = workspace / ".prefect" / "up.json"
    try:
        content = json.loads(record.read_text())
        api_url = str(content["prefect_api"])
        server = next(Started(**one) for one in content["processes"] if one["name"] == "prefect-server")
    except (OSError, json.JSONDecodeError, KeyError, StopIteration):
        return None
    return api_url if server.process and is_healthy(api_url) else None  # another's server may have its port by now


def free_port() -> int:
    """Return a port on localhost that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server_for(workspace: Path) -> Iterator[dict[Any, Any]]:
    """Yield settings that point at a Prefect API: ``PREFECT_API_URL``, the workspace's running server, or one made now.

    The one made here has no web interface and no scheduler, keeps its records in the workspace's Prefect home, and ends
    with this process, however that ends. If it is killed, this process says so and ends, its stages first: Prefect
    would ask for it for minutes. Raises InputError if the workspace or Prefect's home lies where its database can't be,
    and RuntimeError, naming the server's log, if it does not come up.
    """
    require_usable(workspace)
    given = os.environ.get("PREFECT_API_URL") or running_server(workspace)
    if given:
        yield {PREFECT_API_URL: given}
        return
    home = Path(os.environ["PREFECT_HOME"])
    require_usable(home)
    home.mkdir(parents=True, exist_ok=True)
    log_path = home / "server.log"
    with log_path.open("wb") as log:
        port = free_port()
        process = _start(port, workspace, log.fileno())
        try:
            api_url = f"http://{HOST}:{port}/api"
            _wait_until_healthy(process, api_url, log_path)
            done = threading.Event()
            threading.Thread(target=_end_with, args=(process, done, log_path), daemon=True).start()
            try:
                yield {PREFECT_API_URL: api_url, PREFECT_UI_URL: ""}  # no pages, so no links to them in the log
            finally:
                _send_what_is_queued()
                done.set()
        finally:
            lifeline.stop(process)
            lifeline.kill_group(process.pid)


def _end_with(server: "subprocess.Popen[bytes]", done: threading.Event, log_path: Path) -> None:
    """End this process and what it has started, with exit code 1, if the server ends while it is still needed."""
    code = server.wait()
    if done.is_set():
        return
    started = psutil.Process().children()
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(started, timeout=lifeline.GRACE_SECONDS + 2)
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    sys.stdout.flush()
    sys.stderr.write(f"error: the Prefect server of this run {how}; its log: {log_path}\n")
    sys.stderr.write("what was finished is kept; the same command goes on from there\n")
    sys.stderr.flush()
    os._exit(1)


def _send_what_is_queued() -> None:
    """Prefect sends logs and events from threads of its own; the server must not go before the last is sent."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=DRAIN_SECONDS)


def _start(port: int, workspace: Path, log: int) -> "subprocess.Popen[bytes]":
    # What prefect itself runs when it makes a temporary server (SubprocessASGIServer in prefect.server.api.server),
    # but in a session of its own: Ctrl-C in a terminal must not take the server from under the flow.
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent)]
    command += ["--factory", "prefect.server.api.server:create_app", "--host", HOST, "--port", str(port)]
    command += ["--log-level", "error", "--lifespan", "on"]
    ephemeral = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    return lifeline.start(command, cwd=workspace, env={**child_environment(), **ephemeral}, output=log)


def _wait_until_healthy(process: "subprocess.Popen[bytes]", api_url: str, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not is_healthy(api_url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the Prefect server did not come up; its log is {log_path}")
        time.sleep(0.1)
