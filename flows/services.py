"""``make up``, ``make down`` and ``make ui``: the servers and workers of this workspace, on localhost.

``python -m flows.services up|down|ui``. What was started is recorded in ``.prefect/up.json`` with each process's start
time, so that ``down`` stops that and nothing else, even after a process number was used again.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from flows.addresses import Addresses, addresses
from flows.environment import workspace_above
from flows.local_server import is_healthy
from flows.lost_runs import watch_for_lost_runs
from flows.started import Started, stop_group
from setwise.errors import InputError
from setwise.redact import redact
from setwise.tracking_store import require_usable
from tasks.environment import child_environment
from tasks.placement import WORKSPACE

START_TIMEOUT_SECONDS = 180.0
POOLS = ("cpu", "gpu")
SERVERS = ("prefect-server", "mlflow")


class Services:
    """The servers and workers of one workspace: starting, recording and stopping them."""

    def __init__(self, workspace: Path, where: Addresses):
        self.workspace = workspace
        self.where = where
        self.home = Path(os.environ["PREFECT_HOME"])
        self.record = workspace / ".prefect" / "up.json"
        self.started: list[Started] = []

    def running(self) -> list[Started]:
        """Return what an earlier ``up`` started here and still runs."""
        return [one for one in self._earlier() if one.process]

    def _earlier(self) -> list[Started]:
        return [Started(**entry) for entry in self._recorded().get("processes", [])]

    def end_left_behind(self) -> None:
        """End what services have left behind that were killed: it may listen on their ports."""
        for one in self._earlier():
            if not one.process and stop_group(one, self.workspace):
                _say(f"ended what {one.name} had left behind")

    @property
    def by_ui(self) -> bool:
        """Whether what runs was started by ``ui``, which has no workers and ends its servers itself."""
        return not any(entry["name"] == "cpu-worker" for entry in self._recorded().get("processes", []))

    def describe(self) -> str:
        """Say where the running servers answer."""
        recorded = self._recorded()
        prefect = recorded["prefect_api"].removesuffix("/api")
        return f"Prefect  {prefect}\nMLflow   {recorded['mlflow']}\nlogs     {self.home / 'logs'}"

    def _recorded(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.record.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def take_over(self, running: list[Started]) -> None:
        """Go on with what still runs, at the addresses it was given: only what is missing will be started."""
        prefect, mlflow = (urlsplit(self._recorded()[key]) for key in ("prefect_api", "mlflow"))
        assert prefect.hostname and prefect.port and mlflow.port
        self.where = Addresses(prefect.hostname, prefect.port, mlflow.port)
        self.started = list(running)

    def _runs(self, name: str) -> bool:
        return any(one.name == name for one in self.started)

    def servers(self) -> None:
        """Start the Prefect server and MLflow's, and wait until both answer."""
        for folder in (self.workspace, self.home):
            require_usable(folder)
        self.end_left_behind()
        where = self.where
        ports = ((where.prefect_port, "SETWISE_PREFECT_PORT"), (where.mlflow_port, "SETWISE_MLFLOW_PORT"))
        for name, (port, setting) in zip(SERVERS, ports, strict=True):
            if not self._runs(name):
                _refuse_used_port(where.host, port, setting)
        listen = ["--host", where.host, "--port"]
        self._start("prefect-server", ["-m", "prefect", "server", "start", *listen, str(where.prefect_port)])
        (self.workspace / "mlruns").mkdir(exist_ok=True)
        store = ["--backend-store-uri", "sqlite:///mlruns/mlflow.db", "--artifacts-destination", "mlruns/artifacts"]
        mlflow = ["-m", "mlflow", "server", *store, *listen, str(where.mlflow_port), "--workers", "1"]
        self._start("mlflow", [*mlflow, *where.mlflow_names()])
        self._wait("prefect-server", f"{where.prefect}/api")
        self._wait("mlflow", where.mlflow)

    def pools(self) -> None:
        """Make the work pools."""
        for pool in POOLS:
            self._command(["work-pool", "create", pool, "--type", "process", "--overwrite"])

    def deployments(self) -> None:
        """Apply ``prefect.yaml``."""
        self._command(["--no-prompt", "deploy", "--all"])

    def watch(self) -> None:
        """Have the server watch for lost runs.

        Not while it starts: with SQLite, Prefect stands still for good where an automation is made while it reads them.
        """
        watch_for_lost_runs(f"{self.where.prefect}/api")

    def workers(self) -> None:
        """Start one cpu worker and a gpu worker for each GPU."""
        self._worker("cpu-worker", "cpu", {}, limit=4)
        # One run at a time on each GPU, and it sees that one alone. A machine without any serves the pool slowly.
        for number in range(max(1, gpus := _gpu_count())):
            self._worker(f"gpu-worker-{number}", "gpu", {"CUDA_VISIBLE_DEVICES": str(number)} if gpus else {}, limit=1)

    def stop(self) -> list[str]:
        """Stop what was recorded, workers before servers, and return the names of what still ran."""
        earlier = self._earlier()
        workers_first = sorted(earlier, key=lambda one: one.name in SERVERS)
        stopped = {one.name for one in workers_first if stop_group(one, self.workspace)}
        self.record.unlink(missing_ok=True)
        return [one.name for one in earlier if one.name in stopped]

    def _worker(self, name: str, pool: str, extra: dict[str, str], limit: int) -> None:
        command = ["-m", "prefect", "worker", "start", "--pool", pool, "--type", "process", "--limit", str(limit)]
        self._start(name, [*command, "--name", f"{name}@{socket.gethostname()}"], extra)

    def _environment(self) -> dict[str, str]:
        environment = {**child_environment(), "PREFECT_API_URL": f"{self.where.prefect}/api"}
        roots = [str(self.workspace), *environment["PYTHONPATH"].split(os.pathsep)]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(roots))
        return {**environment, WORKSPACE: str(self.workspace)}

    def _start(self, name: str, arguments: list[str], extra: dict[str, str] | None = None) -> None:
        if self._runs(name):
            return
        logs = self.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.workspace,
                env={**self._environment(), **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Started(name, process.pid, psutil.Process(process.pid).create_time()))
        content: dict[str, Any] = {"prefect_api": f"{self.where.prefect}/api", "mlflow": self.where.mlflow}
        content["processes"] = [asdict(one) for one in self.started]
        draft = self.record.with_suffix(".draft")
        draft.write_text(json.dumps(content, indent=1))
        draft.replace(self.record)

    def _wait(self, name: str, url: str) -> None:
        one = next(one for one in self.started if one.name == name)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not is_healthy(url):
            if one.process is None or time.monotonic() > deadline:
                raise InputError(f"{name} did not come up; see {self.home / 'logs' / name}.log")
            time.sleep(0.2)

    def _command(self, arguments: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=self.workspace,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = redact(" ".join((done.stderr or done.stdout).split()))[-400:]
            raise InputError(f"prefect {' '.join(arguments)}: failed: {said}")


def _gpu_count() -> int:
    """Count NVIDIA devices without importing torch."""
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))


def _refuse_used_port(host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(f"port {port} on {host}: {error.strerror}; set {setting} to a free port") from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def up(services: Services) -> None:
    """Start everything; where an earlier ``up`` still runs, only what has ended since. Apply ``prefect.yaml``."""
    running = services.running()
    if running and services.by_ui:
        raise InputError("`make ui` shows the servers' pages already; end it with Ctrl-C, then `make up`")
    try:
        if running:
            services.take_over(running)
            _say(f"up already: {', '.join(one.name for one in running)}")
        services.servers()
        if not running:
            services.pools()
        services.deployments()
        if not running:
            services.watch()
        services.workers()
    except BaseException:
        if not running:
            services.stop()
        raise
    if running and (again := services.started[len(running) :]):
        _say(f"started again: {', '.join(one.name for one in again)}")
    _say(services.describe())


def ui(services: Services) -> None:
    """Show the two servers' pages until Ctrl-C; if ``up`` runs them already, say where."""
    if services.running():
        _say(services.describe())
        return
    try:
        services.servers()
        _say(f"{services.describe()}\nCtrl-C ends both")
        while len(services.running()) == len(services.started):
            time.sleep(1)
        _say(f"a server ended by itself; see {services.home / 'logs'}")
    except KeyboardInterrupt:
        _say("\nstopping")
    finally:
        services.stop()


def down(services: Services) -> None:
    """Stop what ``up`` started here."""
    stopped = services.stop()
    _say(f"stopped: {', '.join(stopped)}" if stopped else "nothing to stop: nothing that `make up` started is running")


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 2 with one line on standard error when something must be mended first."""
    parser = argparse.ArgumentParser(prog="python -m flows.services", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "ui"))
    action = parser.parse_args(arguments).action
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        services = Services(workspace_above(Path.cwd()), addresses())
        {"up": up, "down": down, "ui": ui}[action](services)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return InputError.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
