"""A workspace of the real chain at smoke size, made once for all test processes; stages run in forked processes.

The stages are the real ones, run as `python -m pipelines.<stage>` runs them; they are forked from a process that has
imported the heavy libraries already, so that a stage costs what it does and not ten seconds of imports.
"""

import json
import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from setwise.scale_params import ScaleParams

REPOSITORY = Path(__file__).resolve().parent.parent
CODE = (".dvcignore", ".gitignore", "dvc.yaml", "flows", "pipelines", "raw", "recipes", "setwise", "tasks")
PARAMS: dict[str, Any] = {
    "seed": 0,
    "k": 2,
    "methods": ["rlvr_single", "rlcr_multi"],
    "threads": 1,
    "domain": {
        "name": "clinic",
        "mode": "one",
        "world_seed": 7,
        "families": 2,
        "diagnoses_per_family": 3,
        "findings": 10,
        "examined": 5,
        "train_size": 1500,
        "test_size": 60,
    },
    "model": {
        "path": None,
        "dtype": "float32",
        "hidden_size": 32,
        "intermediate_size": 64,
        "layers": 1,
        "heads": 2,
        "vocab_size": 600,
        "max_length": 128,
    },
    "warmstart": {"source": "template", "examples": 1400, "epochs": 3, "learning_rate": 0.01, "batch_size": 32},
    "reward": {"credit": "count"},
    "train": {
        "steps": 20,
        "prompts_per_step": 4,
        "generations": 4,
        "learning_rate": 0.001,
        "max_completion_tokens": 24,
        "checkpoints": 10,
        "held_out": 40,
    },
    "evaluate": {
        "engine": "auto",
        "endpoint": None,
        "vllm": {},
        "temperature": 1.0,
        "max_completion_tokens": 24,
        "answers": 4,
        "batch_size": 512,
        "resamples": 100,
    },
    "scale": ScaleParams().model_dump(mode="json"),  # DVC looks key by key at what decides a training
    "registry": {},
}
_QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
os.environ.update(_QUIET)  # the process that stages are forked from must have it when it imports the libraries
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    ["trl.trainer.grpo_trainer", "trl.trainer.sft_trainer", "mlflow", "pandas", "datasets", "setwise.training.train"]
)


@dataclass(frozen=True)
class Ended:
    """How a stage ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a mistake of the user ends with."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert "Traceback" not in self.err
        line, *more = self.err.strip().splitlines()
        assert not more, self.err
        assert line.startswith("error: ")
        return line


@dataclass
class Started:
    """A stage that runs."""

    process: Any
    log: Path

    @property
    def running(self) -> bool:
        return bool(self.process.is_alive())

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is tidied up."""
        self.process.kill()
        self.process.join()

    def wait(self, seconds: float = 300) -> Ended:
        self.process.join(seconds)
        assert self.process.exitcode is not None, "the stage hangs"
        return Ended(self.process.exitcode, self.output(), self.log.with_suffix(".err").read_text())

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.with_suffix(".out").read_text()


def _be_stage(root: str, module: str, arguments: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    """What a forked process does: become `python -m <module> <arguments>` in `root`."""
    os.chdir(root)
    os.environ.update(environment)
    for number, suffix in ((1, ".out"), (2, ".err")):
        file = os.open(log + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.argv = [module, *arguments]
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - the process owns it until its end
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@dataclass
class Workspace:
    """A folder that holds the code, `params.yaml` and what the stages made."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    _starts: int = 0

    def start(self, stage: str, *arguments: str, **environment: str) -> Started:
        """Start `python -m pipelines.<stage> <arguments>`."""
        self._starts += 1
        log = self.root / f".log-{self._starts}"
        variables = {**_QUIET, "MLFLOW_TRACKING_URI": "", **self.environment, **environment}
        process = _FORKING.Process(
            target=_be_stage, args=(str(self.root), f"pipelines.{stage}", arguments, variables, str(log))
        )
        process.start()
        return Started(process, log)

    def run(self, stage: str, *arguments: str, **environment: str) -> Ended:
        """Run a stage to its end."""
        return self.start(stage, *arguments, **environment).wait()

    def command(self, *command: str, **environment: str) -> Ended:
        """Run a command with this workspace's code and this Python."""
        env = {**os.environ, **_QUIET, "PYTHONPATH": str(self.root), **self.environment, **environment}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        done = subprocess.run(
            command, cwd=self.root, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def python(self, *arguments: str, **environment: str) -> Ended:
        """Run this Python in the workspace."""
        return self.command(sys.executable, *arguments, **environment)

    @property
    def params(self) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load((self.root / "params.yaml").read_text())
        return content

    def write_params(self, content: Any) -> None:
        (self.root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def set(self, **changes: Any) -> None:
        """Change params; `train__steps=5` sets `train.steps`."""
        content = self.params
        for name, value in changes.items():
            *sections, key = name.split("__")
            section = content
            for part in sections:
                section = section[part]
            section[key] = value
        self.write_params(content)

    def outputs(self) -> dict[str, bytes]:
        """Every file that stages have made, by its path."""
        folders = (self.root / name for name in ("data", "models", "reports"))
        files = (p for folder in folders for p in folder.rglob("*") if p.is_file())
        return {str(p.relative_to(self.root)): p.read_bytes() for p in files}

    def curve(self, method: str, folder: str = "reports/curves") -> list[dict[str, float]]:
        """The rows of a training curve."""
        name = f"{method}.jsonl" if folder == "reports/curves" else "curve.jsonl"
        return [json.loads(line) for line in (self.root / folder / name).read_text().splitlines()]

    def copy(self, to: Path) -> "Workspace":
        shutil.copytree(self.root, to, ignore=shutil.ignore_patterns(".log-*"))
        return Workspace(to, dict(self.environment))


def make_workspace(root: Path) -> Workspace:
    """A workspace in which no stage has run."""
    root.mkdir(parents=True)
    for name in CODE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, root / name)
    workspace = Workspace(root)
    workspace.write_params(PARAMS)
    return workspace


def _made_once(factory: pytest.TempPathFactory, name: str, stages: tuple[tuple[str, ...], ...], base: Any) -> Workspace:
    """The workspace called `name`, made by the first of the test processes that wants it."""
    shared = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    root = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not (shared / f"{name}.made").exists():
            with suppress(FileNotFoundError):
                shutil.rmtree(root)
            workspace = make_workspace(root) if base is None else base.copy(root)
            for stage in stages:
                ended = workspace.run(*stage)
                assert ended.code == 0, ended
            (shared / f"{name}.made").touch()
    return Workspace(root)


@pytest.fixture(scope="session")
def warm_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """prepare, validate and warmstart have run. Not to be changed: copy it."""
    return _made_once(tmp_path_factory, "warm-workspace", (("prepare",), ("validate",), ("warmstart",)), None)


@pytest.fixture(scope="session")
def trained_workspace(warm_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """`rlcr_multi` is trained, too, without a disturbance. Not to be changed: copy it."""
    stages = (("train", "--method", "rlcr_multi"),)
    return _made_once(tmp_path_factory, "trained-workspace", stages, warm_workspace)


@pytest.fixture
def workspace(warm_workspace: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the warm-started workspace, to be changed at will."""
    return warm_workspace.copy(tmp_path / "workspace")


@pytest.fixture
def bare_workspace(tmp_path: Path) -> Workspace:
    """A workspace in which no stage has run, to be changed at will."""
    return make_workspace(tmp_path / "workspace")
