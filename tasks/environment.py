"""The environment that stages, servers and workers run in: nothing calls home, output is not buffered, and every stage
carries its workspace's mark and its flow's, by which leftovers of a killed flow are told from all other processes."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from setwise.quiet import TELEMETRY_OFF

MARK = "SETWISE_STAGE_OF"
STARTER = "SETWISE_STAGE_BY"


def child_environment() -> dict[str, str]:
    """Return this process's environment made quiet, with this Python and this code found first by child processes."""
    environment = {**TELEMETRY_OFF, **os.environ}
    python_home = str(Path(sys.executable).parent)
    path = environment.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != python_home:
        path = os.pathsep.join((python_home, path))
    roots = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    house = str(Path(__file__).resolve().parent.parent)
    if house not in roots:
        roots.append(house)
    return {**environment, "PATH": path, "PYTHONPATH": os.pathsep.join(roots), "PYTHONUNBUFFERED": "1"}


def stage_environment(workspace: Path) -> dict[str, str]:
    """Return the environment of a stage: :func:`child_environment` with the marks of the workspace and this process."""
    return {**child_environment(), MARK: str(workspace), STARTER: f"{os.getpid()} {_beginning(os.getpid())}"}


def starter_lives(environment: Mapping[str, str]) -> bool:
    """Whether the process that gave a stage this environment still runs."""
    number, _, beginning = environment.get(STARTER, "").partition(" ")
    return number.isdecimal() and beginning != "" and _beginning(int(number)) == beginning


def _beginning(pid: int) -> str:
    """When a process began, by a clock that nobody sets; empty once it has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        stat = Path(f"/proc/{pid}/stat")
        return stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else str(process.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return ""
