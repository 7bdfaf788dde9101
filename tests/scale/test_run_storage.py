"""What goes to a storage comes back as it was, from a folder as from S3; a storage that goes away is named."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_nodes import free_port

from setwise.training.run_storage import RunStorage, StorageError


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a bucket of moto's S3, and what serves it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert server.stderr is not None
    while b"Running on" not in (line := server.stderr.readline()):
        assert line, "moto's server does not come up"
    options = f"scheme=http&endpoint_override=127.0.0.1:{port}&allow_bucket_creation=true&region=us-east-1"
    yield f"s3://planted-access-key:planted-secret-key@bucket/runs?{options}", server
    server.kill()
    server.wait()


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, s3) -> RunStorage:
    return RunStorage(s3[0] if request.param == "s3" else str(tmp_path / "storage"), f"run-{time.monotonic_ns()}")


def test_folders_and_files_come_back_as_they_went(storage: RunStorage, tmp_path: Path) -> None:
    (tmp_path / "here" / "deep").mkdir(parents=True)
    (tmp_path / "here" / "deep" / "weights").write_bytes(bytes(range(256)))
    (tmp_path / "here" / "note").write_text("ü\n")
    storage.upload(tmp_path / "here", "inputs/policy")
    storage.upload(tmp_path / "here" / "note", "curve.jsonl")
    storage.write("inputs/whole.json", {"a": 1})
    storage.download("inputs", tmp_path / "there")
    assert (tmp_path / "there" / "policy" / "deep" / "weights").read_bytes() == bytes(range(256))
    assert (tmp_path / "there" / "whole.json").read_text() == '{"a": 1}'
    assert storage.read("curve.jsonl") == "ü\n"


def test_what_is_removed_is_no_longer_there(storage: RunStorage) -> None:
    storage.write("failure.json", {})
    storage.write("finished/trained.json", {})
    storage.remove("failure.json")
    assert (storage.read("failure.json"), storage.has("finished/trained.json")) == (None, True)
    storage.drop()
    assert not storage.has("finished/trained.json")


def test_a_storage_that_goes_away_is_named_without_its_key(s3) -> None:
    address, server = s3
    storage = RunStorage(address, "run")
    storage.write("inputs/whole.json", {})
    server.kill()
    server.wait()
    with pytest.raises(StorageError, match=r"scale.cluster.storage: s3://.*make it reachable and writable") as told:
        storage.has("inputs/whole.json")
    assert "planted-secret-key" not in str(told.value)
