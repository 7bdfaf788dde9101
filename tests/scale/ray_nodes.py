"""A Ray cluster of two nodes on this machine: a head that trains nothing, and a second one that may be lost."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

WORKER = "ray::RayTrainWorker"


class Node:
    """One `ray start`, and whatever it starts."""

    def __init__(self, folder: Path, environment: dict[str, str], *options: str) -> None:
        self.log = folder / f"{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *options]
        with self.log.open("w") as log:
            started = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        self.process = psutil.Process(started.pid)
        end = time.monotonic() + 300
        while "Ray runtime started" not in self.log.read_text():
            assert time.monotonic() < end and started.poll() is None, self.log.read_text()
            time.sleep(0.1)

    def training(self) -> list[psutil.Process]:
        """The processes that train on this node."""
        found = []
        for process in self.process.children(recursive=True):
            with suppress(psutil.Error):
                if process.cmdline()[0].startswith(WORKER):
                    found.append(process)
        return found

    def kill(self) -> None:
        """As if the machine were gone."""
        if not self.process.is_running():
            return
        lost = [self.process, *self.process.children(recursive=True)]
        for process in lost:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(lost, timeout=30)


class Cluster:
    """The head, the second node, and what a driver needs to find them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # Ray's sockets need a short path
        self.storage = self.folder / "storage"
        self.storage.mkdir()
        (self.folder / "token").write_text("0123456789abcdef" * 2)
        self.environment = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self.address, self.client = (f"127.0.0.1:{free_port()}" for _ in range(2))
        ports = (f"--port={self.address[10:]}", f"--ray-client-server-port={self.client[10:]}")
        self.head = Node(
            self.folder, self.environment, "--head", *ports, "--num-cpus=0", "--include-dashboard=false", self._home(0)
        )
        self.nodes = [self.head]
        self.start_second()

    def _home(self, number: int) -> str:
        return f"--temp-dir={self.folder / str(number)}"

    def start_second(self) -> None:
        """Start the node that has the processors."""
        home = self._home(len(self.nodes))
        self.second = Node(self.folder, self.environment, f"--address={self.address}", "--num-cpus=2", home)
        self.nodes.append(self.second)

    def checkpoints(self) -> int:
        """How many checkpoints Ray would go on from now, of all trainings on the storage: it notes them in its time."""
        count = 0
        for path in self.storage.glob("*/checkpoint_manager_snapshot.json"):
            with suppress(FileNotFoundError, json.JSONDecodeError):  # replaced, or being written
                count += len(json.loads(path.read_text())["checkpoint_results"])
        return count

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.kill()
        shutil.rmtree(self.folder)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
