"""A clone here, clones with caches and workers of their own there, one remote between."""

import os
import subprocess
import sys

import psutil
import pytest
from machines import HOUSE, PREFECT_FILE, house_path, kill, sh, share
from remotes import KINDS
from smoke_workspace import Workspace

from tasks import handover

# Training in twenty steps with a checkpoint after each, as the real one keeps them; where it began is noted outside.
TRAINING = """
if name.startswith("train@"):
    kept = pathlib.Path("checkpoints") / name.partition("@")[2]
    done = max((int(path.parent.name.split("-")[1]) for path in kept.glob("checkpoint-*/manifest.json")), default=0)
    with open(os.environ["TRAINING_LOG"], "a") as log:
        log.write(f"{name} from {done} in {os.getcwd()}\\n")
    for step in range(done + 1, 21):
        time.sleep(float(os.environ["STEP_SECONDS"]))
        (kept / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
        (kept / f"checkpoint-{step}" / "manifest.json").write_text("{}")
"""


@pytest.fixture
def remote(request, tmp_path, monkeypatch):
    """The remote between the machines: a folder, or the kind a test asks for."""
    made = KINDS[getattr(request, "param", "folder")](tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def methods():
    """What is trained, unless a test asks for more."""
    return ("a",)


@pytest.fixture
def shared(new_project, methods, remote, prefect_server, monkeypatch):
    """The first machine's clone, with a remote set and everything committed; the deployment applied."""
    project = new_project("here", methods)
    for folder in ("flows", "tasks"):
        (project.root / folder).symlink_to(HOUSE / folder)
    (project.root / "step.py").write_text(
        (project.root / "step.py").read_text().replace("text = ", TRAINING + "text = ", 1)
    )
    (project.root / "prefect.yaml").write_text(PREFECT_FILE)
    with (project.root / ".gitignore").open("a") as ignored:
        ignored.write("checkpoints/\n__pycache__/\n")
    sh(project.root, sys.executable, "-m", "dvc", "config", "--unset", "core.site_cache_dir")
    (project.root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    share(project.root, remote, prefect_server)
    monkeypatch.setattr(handover, "LEAST_PATIENCE_SECONDS", 30.0)
    return project


@pytest.fixture
def real(warm_workspace: Workspace, remote, tmp_path, prefect_server, monkeypatch) -> Workspace:
    """The first machine's clone of the real pipeline, warm-started, with only training to do; shared as above."""
    workspace = warm_workspace.copy(tmp_path / "here")
    workspace.set(methods=["rlcr_multi"])
    (workspace.root / "prefect.yaml").write_text(PREFECT_FILE)
    dvc = [sys.executable, "-m", "dvc"]
    sh(workspace.root, "git", "init", "--quiet")
    sh(workspace.root, *dvc, "init", "--quiet")
    sh(workspace.root, *dvc, "commit", "--quiet", "--force", "prepare", "validate", "warmstart")
    share(workspace.root, remote, prefect_server)
    monkeypatch.setattr(handover, "LEAST_PATIENCE_SECONDS", 30.0)
    return workspace


@pytest.fixture
def machine(tmp_path, prefect_server):
    """Start another machine: a clone of the one called `here` with its own cache, and a worker on the gpu pool.

    Or, with `clone`, a worker in the clone of that name, beside those that work there.
    """
    workers = []

    def start(name: str, step_seconds: float = 0.0, clone: str = "", **environment: str) -> psutil.Process:
        if not clone:
            sh(tmp_path, "git", "clone", "--quiet", str(tmp_path / "here"), name)
        settings = {
            "PREFECT_API_URL": prefect_server,
            "PYTHONPATH": house_path(),
            "SETWISE_WORKSPACE": str(tmp_path / (clone or name)),
            "TRAINING_LOG": str(tmp_path / "training.log"),
            "STEP_SECONDS": str(step_seconds),
            **environment,
        }
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "gpu", "--type", "process"]
        with (tmp_path / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [*command, "--name", name, "--limit", "1"],
                env={**os.environ, **settings},
                stdout=log,
                stderr=log,
                cwd=tmp_path,
            )
        workers.append(psutil.Process(process.pid))
        return workers[-1]

    yield start
    for worker in workers:
        kill(worker)
