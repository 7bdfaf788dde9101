"""``make up``, ``make down``, ``make status`` and ``make ui``: the servers and workers of this workspace.

``python -m flows.services up|down|status|ui``. supervisor keeps them up, as ``supervisord.conf`` says; this gives it
the addresses, waits until the servers answer and has Prefect take ``prefect.yaml`` and ``automations.yaml``.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
import yaml
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings
from supervisor.xmlrpc import SupervisorTransport

from flows.addresses import Addresses, addresses
from flows.environment import workspace_above
from setwise.errors import InputError
from setwise.redact import redact
from setwise.tracking_store import require_usable
from tasks.environment import child_environment

START_TIMEOUT_SECONDS = 300.0
POOLS = ("cpu", "gpu")
SERVERS = ("prefect-server", "mlflow")
WORKERS = ("cpu-worker", "gpu-worker")
LONGEST_SOCKET = 100
"""The kernel takes 107 bytes, and supervisor appends a process number to the name before it is that."""
_AT_WORK = ("RUNNING", "STARTING", "BACKOFF", "STOPPING")


class Services:
    """The servers and workers of one workspace, by the supervisor that keeps them up."""

    def __init__(self, workspace: Path):
        self.workspace = workspace
        self.logs = workspace / ".prefect" / "logs"
        self.socket = workspace / ".prefect" / "up.sock"

    @property
    def _ask(self) -> Any:
        """What asks the supervisor; anew each time, since a connection that failed is of no more use."""
        return ServerProxy("http://localhost", SupervisorTransport(None, None, f"unix://{self.socket}")).supervisor

    @property
    def supervisor(self) -> psutil.Process | None:
        """The supervisor that runs here; None where none does."""
        try:
            return psutil.Process(self._ask.getPID())
        except (OSError, Fault, psutil.NoSuchProcess):  # no socket, nobody behind it, or it is about to end
            return None

    @property
    def where(self) -> Addresses:
        """Where the running servers listen, which is what their supervisor was started with."""
        running = self.supervisor
        return addresses(running.environ() if running else os.environ)

    def states(self) -> dict[str, str]:
        """Return supervisor's word for how each program is (RUNNING, FATAL, …), by name; nothing where none runs."""
        try:
            return {one["name"]: one["statename"] for one in self._ask.getAllProcessInfo()}
        except (OSError, Fault):
            return {}

    def api(self) -> str | None:
        """Return the address of the Prefect server's API where that server runs here."""
        return f"{self.where.prefect}/api" if self.states().get("prefect-server") == "RUNNING" else None

    def servers(self) -> list[str]:
        """Have both servers run and answer; return the names of those that were started."""
        for folder in (self.workspace, Path(os.environ["PREFECT_HOME"])):
            require_usable(folder)
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise InputError(f"{self.socket}: too long for a socket's address; move the workspace to a shorter path")
        before = self.states()
        if not before:
            self._end_left_behind()
        down = [name for name in SERVERS if before.get(name) not in _AT_WORK]
        _refuse_used_ports(self.where, down)
        self.logs.mkdir(parents=True, exist_ok=True)
        (self.workspace / "mlruns").mkdir(exist_ok=True)
        if not before:
            self._command([sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"])
        for name in down if before else ():
            self._start(name)
        self._wait("prefect-server", f"{self.where.prefect}/api/health")
        self._wait("mlflow", f"{self.where.mlflow}/health")
        return down

    def pools(self) -> None:
        """Make the work pools."""
        for pool in POOLS:
            self._command(_prefect("work-pool", "create", pool, "--type", "process", "--overwrite"))

    def deployments(self) -> None:
        """Apply ``prefect.yaml`` and ``automations.yaml``."""
        self._command(_prefect("--no-prompt", "deploy", "--all"))
        # Not while the server starts: with SQLite, it stands still for good where an automation is made while it reads
        # them.
        with temporary_settings({PREFECT_API_URL: f"{self.where.prefect}/api"}), get_client(sync_client=True) as client:
            for content in yaml.safe_load((self.workspace / "automations.yaml").read_text())["automations"]:
                wanted = AutomationCore.model_validate(content)
                if present := client.read_automations_by_name(wanted.name):
                    client.update_automation(present[0].id, wanted)
                else:
                    client.create_automation(wanted)

    def has_workers(self) -> bool:
        """Whether a worker runs, as under ``up``."""
        return any(name.startswith(WORKERS) and state in _AT_WORK for name, state in self.states().items())

    def workers(self) -> list[str]:
        """Have the workers run; return the names of those that were started."""
        down = [name for name, state in self.states().items() if name.startswith(WORKERS) and state not in _AT_WORK]
        for name in down:
            self._start(name)
        return down

    def stop(self) -> list[str]:
        """Stop all that runs here, workers before servers; return the names of what ran."""
        names = [name for name, state in self.states().items() if state in _AT_WORK]
        if supervisor := self.supervisor:
            self._ask.shutdown()
            supervisor.wait()
        return [*names, *self._end_left_behind()]

    def _start(self, name: str) -> None:
        group = "gpu-worker" if name.startswith("gpu-worker") else name
        try:
            self._ask.startProcess(f"{group}:{name}", False)
        except Fault as fault:
            raise InputError(f"{name} did not start ({fault.faultString}); see {self.logs}") from fault

    def _end_left_behind(self) -> list[str]:
        """End what a supervisor of this workspace has left behind that was killed; return the names of the programs."""
        found: dict[psutil.Process, str] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # ended meanwhile, or another user's
                environment = process.environ()
                if environment.get("SUPERVISOR_SERVER_URL") == f"unix://{self.socket}":
                    process.terminate()
                    found[process] = environment["SUPERVISOR_PROCESS_NAME"]
        _, alive = psutil.wait_procs(found, timeout=10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive)
        return sorted(set(found.values()))

    def _wait(self, name: str, url: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not answers(url):
            if self.states().get(name) not in _AT_WORK or time.monotonic() > deadline:
                raise InputError(f"{name} did not come up; see {self.logs / name}.log")
            time.sleep(0.2)

    def _command(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.workspace, env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = redact(" ".join((done.stderr or done.stdout).split()))[-400:]
            raise InputError(f"{' '.join(command[2:])}: failed: {said}")

    def _environment(self) -> dict[str, str]:
        where = self.where
        environment = {**where.mlflow_names(), **child_environment(), "PREFECT_API_URL": f"{where.prefect}/api"}
        roots = [str(self.workspace), *environment["PYTHONPATH"].split(os.pathsep)]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(roots))
        gpus = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))  # told without importing torch
        workers = {"SETWISE_GPU_WORKERS": str(max(1, gpus)), "SETWISE_WORKSPACE": str(self.workspace)}
        return {**environment, **where.settings(), **workers}


def _prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


def answers(url: str) -> bool:
    """Whether a server says at this address that it is well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _refuse_used_ports(where: Addresses, names: list[str]) -> None:
    """Raise InputError where something else listens on the port of one of these servers."""
    ports = {"prefect-server": (where.prefect_port, "SETWISE_PREFECT_PORT")}
    ports["mlflow"] = (where.mlflow_port, "SETWISE_MLFLOW_PORT")
    for port, setting in (ports[name] for name in names):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((where.host, port))
            except OSError as error:
                raise InputError(
                    f"port {port} on {where.host}: {error.strerror}; set {setting} to a free port"
                ) from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _describe(services: Services) -> str:
    where = services.where
    return f"Prefect  {where.prefect}\nMLflow   {where.mlflow}\nlogs     {services.logs}"


def up(services: Services) -> None:
    """Start what does not run yet, and have Prefect take the deployments as they are now."""
    running = services.supervisor is not None
    try:
        started = services.servers()
        if "prefect-server" in started:
            services.pools()
        services.deployments()
        started += services.workers()
    except BaseException:
        if not running:
            services.stop()
        raise
    if running:
        _say(f"up already; started: {', '.join(started)}" if started else "up already")
    _say(_describe(services))


def down(services: Services) -> None:
    """Stop what runs."""
    stopped = services.stop()
    _say(f"stopped: {', '.join(stopped)}" if stopped else "nothing to stop: nothing that `make up` started is running")


def status(services: Services) -> None:
    """Say how each program is, in supervisor's words, and where the servers answer."""
    if services.supervisor is None:
        _say("nothing is up here; `make up` starts it")
        return
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf", "status"]
    subprocess.run(command, cwd=services.workspace, check=False)  # its exit code says that a program does not run
    _say(_describe(services))


def ui(services: Services) -> None:
    """Show the two servers' pages until Ctrl-C; if ``up`` runs them already, say where."""
    if services.supervisor is not None:
        _say(_describe(services))
        return
    try:
        services.servers()
        _say(f"{_describe(services)}\nCtrl-C ends both")
        if running := services.supervisor:
            running.wait()
    except KeyboardInterrupt:
        _say("\nstopping")
    finally:
        if not services.has_workers():  # `make up` has come since
            services.stop()


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 2 with one line on standard error when something must be mended first."""
    parser = argparse.ArgumentParser(prog="python -m flows.services", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "status", "ui"))
    action = parser.parse_args(arguments).action
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        {"up": up, "down": down, "status": status, "ui": ui}[action](Services(workspace_above(Path.cwd())))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return InputError.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
