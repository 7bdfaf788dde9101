"""After each kind of failure the next run finishes, and its outputs equal those of a run nobody disturbed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import rebuild

HOUSE = Path(rebuild.__file__).parent.parent
PYTHONPATH = os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))


@pytest.fixture
def command(project, prefect_server):
    """Start ``python -m flows.rebuild`` in the project, as a person would; what still runs at the end is killed."""
    started = []

    def start(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PREFECT_API_URL": prefect_server, **settings}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "flows.rebuild", *arguments],
                cwd=project.root,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
