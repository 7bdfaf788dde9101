"""Training on another machine: a clone here, clones with caches and workers of their own there, one remote between."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.states import Completed, Running, State
from remotes import KINDS, FolderRemote
from smoke_workspace import Workspace
from undisturbed import WORKDIR, assert_as_undisturbed

from flows import rebuild as rebuild_module
from flows.rebuild import rebuild
from flows.side_by_side import Rebuild
from tasks import handover
from tasks.orders import write_order
from tasks.stages import RunningStages

pytestmark = pytest.mark.operations

HOUSE = Path(rebuild_module.__file__).parent.parent

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


def test_a_stage_trained_elsewhere_is_done_here_and_nothing_is_trained_twice(shared, machine, tmp_path):
    machine("there", 0.0)
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "there.log").read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {tmp_path / 'there'}\n"
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"
    assert set(yaml.safe_load((shared.root / "dvc.lock").read_text())["stages"]) == set(shared.stages)
    again = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=shared.root, capture_output=True, text=True, check=True
    )
    assert "Running stage" not in again.stdout


def test_a_worker_of_the_very_workspace_that_orders_trains_there(shared, machine, tmp_path):
    machine("beside", clone="here")
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "beside.log").read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {shared.root}\n"
    assert shared.outputs()["reports/report.txt"] == "raw\nprepare 1\ntrain@a 1\nreport 1\n"


WAIT_FOR_THE_OTHER = """
if name.startswith("train@"):
    pathlib.Path(f"began-{name}").touch()
    while len(list(pathlib.Path().glob("began-*"))) < 2:
        time.sleep(0.1)
"""


@pytest.mark.parametrize("methods", [("a", "b")])
def test_workers_of_one_clone_train_side_by_side(shared, machine, tmp_path):
    machine("there")
    machine("beside", clone="there")
    (tmp_path / "there" / "extra.py").write_text(WAIT_FOR_THE_OTHER)
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), (tmp_path / "there.log").read_text())
    trained = sorted((tmp_path / "training.log").read_text().splitlines())
    assert trained == [f"train@{method} from 0 in {tmp_path / 'there'}" for method in "ab"]
    assert {name for name in shared.outputs() if "models" in name} == {"models/a.txt", "models/b.txt"}


@pytest.mark.parametrize("remote", ["s3"], indirect=True)
def test_another_worker_goes_on_from_the_checkpoint_of_one_that_was_killed(shared, remote, machine, tmp_path):
    import threading

    doomed = machine("first", 0.5)

    def kill_in_training() -> None:
        while sum("manifest.json" in name for name in remote.names("checkpoints")) < 3:
            time.sleep(0.2)
        kill(doomed)
        machine("second", 0.0)

    killer = threading.Thread(target=kill_in_training)
    killer.start()
    result = rebuild_on_gpu(shared)
    killer.join()
    assert result.exit_code == 0, (result.summary(), (tmp_path / "second.log").read_text())
    first, second = (tmp_path / "training.log").read_text().splitlines()
    assert first == f"train@a from 0 in {tmp_path / 'first'}"
    assert second.endswith(f"in {tmp_path / 'second'}")
    assert int(second.split()[2]) >= 3
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"


def test_the_real_training_goes_on_at_another_worker_as_if_undisturbed(
    real: Workspace, trained_workspace: Workspace, machine, tmp_path
):
    import threading

    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db", "OMP_NUM_THREADS": "1"}
    doomed = machine("first", **tracking)
    seen = []

    def kill_after_a_checkpoint() -> None:
        """Training stands still at its second checkpoint or later until that is on the remote; then all is killed."""
        seen.extend(wait_for_checkpoints(tmp_path / "first" / WORKDIR, 2))
        training = [one for one in doomed.children(recursive=True) if "pipelines.train" in one.cmdline()]
        for process in training:
            process.suspend()
        wait_for_checkpoints(tmp_path / "remote" / "checkpoints", 2)
        kill(doomed)
        machine("second", **tracking)

    killer = threading.Thread(target=kill_after_a_checkpoint)
    killer.start()
    result = rebuild_on_gpu(real, ("train",))
    killer.join()
    logs = "\n".join((tmp_path / f"{name}.log").read_text() for name in ("first", "second"))
    assert result.exit_code == 0, (result.summary(), logs)
    assert seen
    assert "rlcr_multi: going on from step" in (tmp_path / "second.log").read_text(), logs
    assert_as_undisturbed(real, trained_workspace, tmp_path / "tracking.db")
    again = real.python("-m", "dvc", "repro", "train@rlcr_multi")
    assert (again.code, "Running stage" in again.out) == (0, False), again


def wait_for_checkpoints(folder: Path, at_least: int) -> list[Path]:
    """Wait until the folder holds so many whole checkpoints."""
    deadline = time.monotonic() + 300
    while len(found := list(folder.rglob("checkpoint-*/manifest.json"))) < at_least:
        assert time.monotonic() < deadline, f"{folder}: no {at_least} checkpoints"
        time.sleep(0.01)
    return found


def test_an_unreachable_remote_is_named_loses_nothing_and_works_on_retry(shared, machine, tmp_path):
    shutil.rmtree(tmp_path / "remote", ignore_errors=True)
    (tmp_path / "remote").write_text("not a folder")
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 1
    assert "dvc push" in result.summary()
    assert shared.outputs() == {"data/prepared.txt": "raw\nprepare 1\n"}
    (tmp_path / "remote").unlink()
    machine("there", 0.0)
    assert rebuild_on_gpu(shared).exit_code == 0


@pytest.mark.parametrize("remote", ["ssh"], indirect=True)
def test_a_remote_that_goes_away_in_training_is_told_and_what_was_trained_is_not_trained_again(
    shared, remote, machine, tmp_path
):
    import threading

    machine("there", 1.0)
    log = tmp_path / "there.log"

    def away_for_a_while_and_then_for_good() -> None:
        while not any("manifest.json" in name for name in remote.names("checkpoints")):
            time.sleep(0.2)
        remote.stop()
        while "checkpoints: not copied to the remote" not in log.read_text():
            time.sleep(0.2)
        remote.start()
        while "checkpoints: copied again" not in log.read_text():
            time.sleep(0.2)
        remote.stop()

    outage = threading.Thread(target=away_for_a_while_and_then_for_good)
    outage.start()
    result = rebuild_on_gpu(shared)
    outage.join()
    assert (result.exit_code, "train@a: dvc push: " in result.summary()) == (1, True), (
        result.summary(),
        log.read_text(),
    )
    assert "models/a.txt" not in shared.outputs()
    remote.start()
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), log.read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {tmp_path / 'there'}\n"
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"


def test_changes_that_are_not_committed_are_refused_by_name(shared):
    with (shared.root / "step.py").open("a") as step:
        step.write("# changed\n")
    result = rebuild_on_gpu(shared)
    assert (result.exit_code, result.summary().split(":")[:2]) == (2, ["train@a", " step.py"])


@pytest.fixture
def running(shared, monkeypatch):
    """An order of `train@a` that some worker runs, watched with little patience; and the run's id."""
    monkeypatch.setattr(handover, "LEAST_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(handover, "POLL_SECONDS", 0.1)
    order = write_order(shared.root, "train@a", ("prepare",), 0.1)
    run = handover._order(order, print)
    set_state(run, Running())
    yield order, run
    set_state(run, Completed())


def set_state(run: UUID, state: State) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)


def state_of(run: UUID) -> State:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


def test_a_worker_that_gives_no_sign_on_a_remote_that_answers_is_given_up(shared, running):
    order, run = running
    assert handover._watch(run, order, shared.root, RunningStages()) is None
    assert state_of(run).is_crashed()


@pytest.mark.parametrize("remote", ["ssh"], indirect=True)
def test_a_remote_that_does_not_answer_makes_no_worker_lost(shared, remote, running, monkeypatch):
    order, run = running
    remote.stop()
    asked = []

    def sign_of_life(*words) -> str | None:
        asked.append(ask(*words))
        if len(asked) == 3:
            set_state(run, Completed())
        return asked[-1]

    ask = handover._sign_of_life
    monkeypatch.setattr(handover, "_sign_of_life", sign_of_life)
    ended = handover._watch(run, order, shared.root, RunningStages())
    assert asked == [None] * 3
    assert ended is not None
    assert ended.is_completed()


def test_an_order_whose_rebuild_has_ended_is_not_given_a_second_time_until_it_has_ended(shared, running, capsys):
    order, run = running
    assert handover._order(order, print) == run
    assert "ordered by a run before this one" in capsys.readouterr().out
    set_state(run, Completed())
    again = handover._order(order, print)
    assert again != run
    set_state(again, Completed())
