"""Fixtures that several parts of the tests share: a small DVC project of trivial stages, and one Prefect server."""

import importlib
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure.
settings.register_profile("setwise", deadline=None)
settings.load_profile("setwise")

# Before anything imports Prefect: the tests have a home of their own, and nothing calls home.
_HOME = tempfile.TemporaryDirectory(prefix="setwise-tests-")
os.environ["PREFECT_HOME"] = _HOME.name
importlib.import_module("flows")

pytest_plugins = ["smoke_workspace", "unsure"]


STEP = """
import os, pathlib, sys, time
out, *inputs = sys.argv[1:]
name = os.environ["DVC_STAGE"]
with open("starts.log", "a") as log:
    log.write(name + "\\n")
extra = pathlib.Path("extra.py")
if extra.exists():
    exec(extra.read_text())
text = "".join(pathlib.Path(i).read_text() for i in inputs)
pathlib.Path(out).parent.mkdir(exist_ok=True)
pathlib.Path(out).write_text(text + name + " " + pathlib.Path("params.yaml").read_text().split()[-1] + "\\n")
print("made", out)
"""

PIPELINE = """
stages:
  prepare:
    cmd: python step.py data/prepared.txt raw.txt
    deps: [raw.txt]
    outs: [data/prepared.txt]
  train:
    matrix:
      method: ${methods}
    cmd: python step.py models/${item.method}.txt data/prepared.txt
    deps: [data/prepared.txt]
    params: [rate]
    outs:
      - models/${item.method}.txt
  report:
    cmd: python step.py reports/report.txt {inputs}
    deps: [{deps}]
    outs: [reports/report.txt]
"""


@dataclass(frozen=True)
class Project:
    """A DVC project: ``raw.txt`` → prepare → train@a, train@b, … → report, each stage writing what it read."""

    root: Path
    methods: tuple[str, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        return ("prepare", *(f"train@{method}" for method in self.methods), "report")

    def starts(self) -> list[str]:
        """Stages whose command was started, in order, since the last call."""
        log = self.root / "starts.log"
        names = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    def in_every_stage(self, code: str) -> None:
        """Have each stage's command run this code before it writes; ``name`` is the stage's."""
        (self.root / "extra.py").write_text(textwrap.dedent(code))

    def set_rate(self, rate: int) -> None:
        (self.root / "params.yaml").write_text(f"methods: [{', '.join(self.methods)}]\nrate: {rate}\n")

    def outputs(self) -> dict[str, str]:
        paths = ["data/prepared.txt", *(f"models/{method}.txt" for method in self.methods), "reports/report.txt"]
        return {path: (self.root / path).read_text() for path in paths if (self.root / path).exists()}


def make_project(root: Path, methods: tuple[str, ...]) -> Project:
    (root / "step.py").write_text(STEP)
    (root / "raw.txt").write_text("raw\n")
    models = [f"models/{method}.txt" for method in methods]
    (root / "dvc.yaml").write_text(PIPELINE.replace("{inputs}", " ".join(models)).replace("{deps}", ", ".join(models)))
    (root / ".gitignore").write_text(".prefect/\nstarts.log\nextra.py\ndata/\nmodels/\nreports/\n")
    project = Project(root, methods)
    project.set_rate(1)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=root, check=True)
    config = "[core]\n    analytics = false\n    site_cache_dir = " + str(root / ".dvc" / "site")
    (root / ".dvc" / "config").write_text(config + "\n")
    return project


NewProject = Callable[[str, tuple[str, ...]], Project]


@pytest.fixture
def new_project(tmp_path: Path) -> NewProject:
    """Make a project by name, with one training stage for each method."""

    def make(name: str, methods: tuple[str, ...]) -> Project:
        (tmp_path / name).mkdir()
        return make_project(tmp_path / name, methods)

    return make


@pytest.fixture
def project(new_project: NewProject) -> Project:
    return new_project("workspace", ("a", "b"))


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """One Prefect server with a fresh database for the whole session; its API's address."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield str(PREFECT_API_URL.value())
