from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from setwise.errors import InputError
from setwise.sandbox import Isolation, Job, Limits, Result, detect_isolation, run_programs

ROOT = Path(__file__).parents[2]
SHORT = Limits(wall_seconds=5.0, cpu_seconds=1, memory_bytes=256 << 20)


def _problem(isolation: Isolation) -> str:
    try:
        detect_isolation(isolation)
    except InputError as error:
        return str(error)
    return ""


@pytest.fixture(params=[Isolation.NAMESPACES, Isolation.BUBBLEWRAP], ids=str, scope="session")
def isolation(request):
    """Each isolation that this machine has."""
    if problem := _problem(request.param):
        pytest.skip(problem)
    return request.param


@pytest.fixture
def judge(isolation):
    """Run one program on tests, with short limits, in each isolation."""

    def run(program: str, *tests: str, setup: str = "", limits: Limits = SHORT) -> Result:
        return run_programs([Job(program, tests, setup)], limits, isolation, workers=2)[0]

    return run


REACHABLE = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from setwise.sandbox import syscalls as sc
sc.unshare(sc.CLONE_NEWNS)
sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
needed = [Path(sys.argv[1]), Path(sys.base_prefix)]
descriptors = [os.open(path, os.O_PATH) for path in needed]
def closed(path):
    return next((p for p in reversed([path, *path.parents]) if not p.stat().st_mode & 0o001), None)
for top in {closed(path) for path in needed} - {None}:
    sc.mount("tmpfs", str(top), "tmpfs", options="mode=755")
for path, descriptor in zip(needed, descriptors):
    if not path.exists():
        path.mkdir(parents=True)
        sc.mount(f"/proc/self/fd/{descriptor}", str(path), flags=sc.MS_BIND)
os.setgroups([]); os.setresgid(54321, 54321, 54321); os.setresuid(54321, 54321, 54321)
os.chdir("/")
os.execv(sys._base_executable, [sys._base_executable, "-S", "-s", "-c", sys.argv[2], sys.argv[1], sys.argv[3]])
"""


@pytest.fixture
def as_anybody():
    """Run Python code as an ordinary user, by a caller that is root; its arguments: where setwise is, the isolation."""

    def run(code: str, isolation: Isolation) -> subprocess.CompletedProcess[str]:
        command = [sys._base_executable, "-S", "-s", "-c", REACHABLE, str(ROOT), code, str(isolation)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return run
