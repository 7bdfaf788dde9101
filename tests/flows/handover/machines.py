"""The machines of a hand-over: clones with what they share, and orders given from the first."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
from remotes import FolderRemote

from flows import rebuild as rebuild_module
from flows.rebuild import rebuild
from flows.side_by_side import Rebuild

HOUSE = Path(rebuild_module.__file__).parent.parent
PREFECT_FILE = """
name: toy
pull:
  - tasks.placement.enter_workspace: {}
deployments:
  - name: train-order
    entrypoint: flows/train_order.py:train_order
    work_pool: {name: gpu}
"""


def sh(folder: Path, *command: str, **environment: str) -> None:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, **identity, **environment})


def share(clone: Path, remote: FolderRemote, prefect_server: str) -> None:
    """Set the remote, commit everything, apply the deployment."""
    remote.set_for(clone)
    sh(clone, "git", "add", "--all")
    sh(clone, "git", "commit", "--quiet", "--message=x")
    server = {"PREFECT_API_URL": prefect_server, "PYTHONPATH": house_path()}
    prefect = [sys.executable, "-m", "prefect"]
    sh(clone, *prefect, "work-pool", "create", "gpu", "--type", "process", "--overwrite", **server)
    sh(clone, *prefect, "--no-prompt", "deploy", "--all", **server)


def house_path() -> str:
    return os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))


def kill(worker: psutil.Process) -> None:
    """Kill a machine: the worker and all it started, at once."""
    if worker.is_running():
        for process in [worker, *worker.children(recursive=True)]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        worker.wait()


def rebuild_on_gpu(project, targets: tuple[str, ...] = ()) -> Rebuild:
    state = rebuild(str(project.root), targets, train_on="gpu", checkpoint_seconds=1.0, return_state=True)
    result = state.result(raise_on_failure=False)
    assert isinstance(result, Rebuild), result
    return result
