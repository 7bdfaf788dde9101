"""One tracking run per (method, K, seed), written to by its id; a store that is away is one line and loses nothing."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from read_only import read_only
from smoke_workspace import PARAMS, Workspace
from undisturbed import WORKDIR, assert_as_undisturbed

from setwise.params import Params, validate_params
from setwise.tracking import (
    EVALUATION_TAG,
    WEIGHTS_TAG,
    Run,
    TrackingError,
    failing,
    find_run,
    flatten,
    get_client,
    reopen_run,
    start_run,
)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The smoke params, in a workspace of their own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return validate_params(PARAMS, "params.yaml")


@pytest.fixture
def run(params: Params) -> Run:
    return start_run(params, "rlcr_multi", {"train": "a" * 64, "test": "b" * 64}, {"setwise.stage": "train"})


def status(run: Run) -> str:
    return str(run.client.get_run(run.run_id).info.status)


def test_a_run_is_named_by_method_k_and_seed_and_holds_params_and_datasets(run: Run) -> None:
    found = run.client.get_run(run.run_id)
    assert found.info.run_name == "rlcr_multi-k2-seed0"
    assert (found.data.params["train.steps"], found.data.params["domain.name"]) == ("20", "clinic")
    assert run.client.get_experiment(found.info.experiment_id).name == "setwise/clinic"
    digests = {item.dataset.name: item.dataset.digest for item in found.inputs.dataset_inputs}
    assert digests == {"clinic/train": "a" * 36, "clinic/test": "b" * 36}


def test_params_are_flattened_by_section() -> None:
    assert flatten({"k": 3, "train": {"steps": 5, "deep": {"x": None}}}) == {
        "k": "3",
        "train.steps": "5",
        "train.deep.x": "None",
    }


def test_what_is_not_finite_is_not_logged(run: Run) -> None:
    run.log_metrics({"a": 1.0, "b": float("nan"), "c": float("inf")}, 3)
    assert run.held_steps() == {"a": {3}}


def test_the_newest_run_of_the_weights_is_found(params: Params, run: Run) -> None:
    run.set_tags({WEIGHTS_TAG: "w1"})
    assert find_run("clinic", "w2") is None
    later = start_run(params, "rlcr_multi", {}, {WEIGHTS_TAG: "w1"})
    found = find_run("clinic", "w1")
    assert found is not None
    assert found.run_id == later.run_id


def test_a_run_that_was_evaluated_otherwise_is_not_the_one_for_an_evaluation(params: Params, run: Run) -> None:
    run.set_tags({WEIGHTS_TAG: "w1"})
    free = find_run("clinic", "w1", "hot")
    assert free is not None and free.run_id == run.run_id
    run.set_tags({EVALUATION_TAG: "hot"})
    again = find_run("clinic", "w1", "hot")
    assert again is not None and again.run_id == run.run_id
    assert find_run("clinic", "w1", "cold") is None
    cold = start_run(params, "rlcr_multi", {}, {WEIGHTS_TAG: "w1", EVALUATION_TAG: "cold"})
    for evaluation, expected in (("hot", run), ("cold", cold)):
        found = find_run("clinic", "w1", evaluation)
        assert found is not None and found.run_id == expected.run_id


def test_a_failure_is_marked_and_raised_on(run: Run) -> None:
    with pytest.raises(ValueError, match="went wrong"), failing(run):
        raise ValueError("went\nwrong".replace("\n", " "))
    assert status(run) == "FAILED"
    assert run.client.get_run(run.run_id).data.tags["setwise.failure"] == "went wrong"


def test_a_reopened_run_is_running_and_forgets_its_failure(run: Run) -> None:
    with pytest.raises(KeyboardInterrupt), failing(run):
        raise KeyboardInterrupt
    again = reopen_run(run.run_id)
    assert again is not None
    assert status(again) == "RUNNING"
    assert "setwise.failure" not in again.client.get_run(run.run_id).data.tags


def test_a_run_that_is_deleted_or_unknown_is_not_reopened(run: Run) -> None:
    run.client.delete_run(run.run_id)
    assert reopen_run(run.run_id) is None
    assert reopen_run("0" * 32) is None


def test_a_deleted_experiment_is_said_in_one_line(params: Params, run: Run) -> None:
    run.client.delete_experiment(run.client.get_run(run.run_id).info.experiment_id)
    with pytest.raises(TrackingError, match=r"tracking at .*mlflow\.db: .*; start the server or mend") as caught:
        start_run(params, "rlcr_multi", {}, {})
    assert "\n" not in str(caught.value)


def test_a_failure_is_raised_on_when_tracking_is_away(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ValueError, match="the cause"), failing(Run(get_client(), "0" * 32)):
        raise ValueError("the cause")


@pytest.fixture
def refusing_server() -> Iterator[tuple[str, list[str | None]]]:
    """A server that says no to everything: its address, and the credentials it was sent."""
    sent: list[str | None] = []

    class No(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append(self.headers["authorization"])
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    refusing = ThreadingHTTPServer(("127.0.0.1", 0), No)
    Thread(target=refusing.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{refusing.server_address[1]}", sent
    refusing.shutdown()
    refusing.server_close()


def test_a_database_whose_driver_is_not_installed_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+pymssql://someone:planted@127.0.0.1/mlflow")
    with pytest.raises(
        TrackingError, match=r"@127\.0\.0\.1/mlflow: package pymssql is not installed; install"
    ) as caught:
        get_client()
    assert "planted" not in str(caught.value)


def test_a_password_in_the_address_is_sent_and_stands_in_no_message(
    params: Params, monkeypatch: pytest.MonkeyPatch, refusing_server: tuple[str, list[str | None]]
) -> None:
    host, sent = refusing_server
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:plan%40ted@{host}")
    with pytest.raises(TrackingError, match=f"tracking at http://{host}: ") as caught:
        start_run(params, "rlcr_multi", {}, {})
    assert sent[0] == "Basic " + base64.b64encode(b"someone:plan@ted").decode()
    assert "plan" not in str(caught.value)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:plan%40ted@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"tracking at http://127\.0\.0\.1:9: ") as away:
        start_run(params, "rlcr_multi", {}, {})
    assert "plan" not in f"{away.value} {away.value.__cause__}"


@contextmanager
def server(folder: Path, port: int) -> Iterator[None]:
    """An MLflow server on this machine, killed with all its processes when the block ends."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder)]
    with (folder / "server.log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + 120
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.operations
def test_a_server_that_is_killed_during_training_loses_no_row(
    workspace: Workspace, trained_workspace: Workspace, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    workspace.environment = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    curve = workspace.root / "checkpoints" / "rlcr_multi" / "curve.jsonl"
    with server(tmp_path, port):
        started = workspace.start("train", "--method", "rlcr_multi")
        while not (curve.exists() and curve.read_text().count("\n") >= 3):
            assert started.running, started.wait()
            time.sleep(0.01)
    away = started.wait()
    assert (away.code, len(away.err.strip().splitlines())) == (1, 1), away
    assert f"tracking at {uri}: " in away.err
    assert "rlcr_multi is trained and waits in checkpoints/rlcr_multi for a run to send its curve" in away.err
    with server(tmp_path, port):
        again = workspace.run("train", "--method", "rlcr_multi")
        assert again.code == 0, again
        assert "rlcr_multi: 0 steps in" in again.out
    assert_as_undisturbed(workspace, trained_workspace, tmp_path / "server.db")


def test_a_store_that_can_not_be_written_is_named_with_what_to_do(params: Params, run: Run) -> None:
    with read_only(Path("mlruns")):
        for write in (
            lambda: start_run(params, "rlcr_multi", {}, {}),
            lambda: run.set_tags({"a": "b"}),
            lambda: run.log_metrics({"a": 1.0}),
        ):
            with pytest.raises(TrackingError) as caught:
                write()
            assert str(caught.value) == "mlruns: tracking can't write there; make it writable and run again"


def test_files_that_can_not_be_kept_name_the_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("x")
    run.log_file(tmp_path / "page.html")
    with read_only(Path("mlruns/artifacts")), pytest.raises(TrackingError, match=r"^mlruns/artifacts: .* writable"):
        run.log_file(tmp_path / "page.html", "again")


def test_a_store_that_can_not_be_written_can_still_be_read(run: Run) -> None:
    run.set_tags({WEIGHTS_TAG: "w1"})
    with read_only(Path("mlruns")):
        found = find_run("clinic", "w1")
        assert found is not None
        assert found.run_id == run.run_id


@pytest.mark.parametrize("part", ["mlruns", "mlruns/mlflow.db"])
def test_training_does_not_begin_where_tracking_can_not_write(
    part: str, workspace: Workspace, trained_workspace: Workspace
) -> None:
    (workspace.root / "mlruns").mkdir(exist_ok=True)
    if part.endswith("db"):
        get_client(workspace.root)
    with read_only(workspace.root / part):
        refused = workspace.run("train", "--method", "rlcr_multi")
    assert refused.code == 1, refused
    assert refused.err == f"error: {part}: tracking can't write there; make it writable and run again\n"
    assert not (workspace.root / WORKDIR).exists()
    assert workspace.run("train", "--method", "rlcr_multi").code == 0
    assert_as_undisturbed(workspace, trained_workspace)


def test_a_store_that_becomes_read_only_during_training_loses_no_row(
    workspace: Workspace, trained_workspace: Workspace
) -> None:
    curve = workspace.root / WORKDIR / "curve.jsonl"
    started = workspace.start("train", "--method", "rlcr_multi")
    while not (curve.exists() and curve.read_text().count("\n") >= 3):
        assert started.running, started.wait()
        time.sleep(0.01)
    with read_only(workspace.root / "mlruns"):
        shut = started.wait()
    assert (shut.code, len(shut.err.strip().splitlines())) == (1, 1), shut
    assert "error: mlruns: tracking can't write there; make it writable and run again; " in shut.err
    assert "rlcr_multi is trained and waits in checkpoints/rlcr_multi" in shut.err
    assert "rows of the curve wait" in shut.out
    again = workspace.run("train", "--method", "rlcr_multi")
    assert again.code == 0, again
    assert "rlcr_multi: 0 steps in" in again.out
    assert_as_undisturbed(workspace, trained_workspace)


def test_the_tags_of_a_sweep_reach_the_run(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"setwise.sweep": "abc", "setwise.variant": "{}"}')
    run = start_run(params, "rlcr_multi", {}, {})
    assert run.client.get_run(run.run_id).data.tags["setwise.sweep"] == "abc"
