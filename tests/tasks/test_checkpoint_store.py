"""Checkpoints on a remote of each kind, by DVC's own connection to it, also when the remote goes away for a while."""

import subprocess
import sys
from pathlib import Path

import pytest
from remotes import KINDS

from tasks.environment import child_environment

pytestmark = pytest.mark.operations


@pytest.fixture
def remote(request, tmp_path, monkeypatch):
    """A remote of the kind asked for, served, and set for the DVC workspace ``tmp_path / "here"``."""
    made = KINDS[request.param](tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.start()
    here = tmp_path / "here"
    here.mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "--quiet", "init", "--no-scm"], cwd=here, check=True)
    made.set_for(here)
    yield made
    made.stop()


def store(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tasks.checkpoint_store", *words],
        cwd=folder,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def asked(folder: Path, *words: str) -> str:
    process = store(folder, *words)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 0, printed
    return printed.strip()


def checkpoint(folder: Path, step: int) -> None:
    (folder / f"checkpoint-{step}").mkdir(parents=True)
    for name in ("weights", "manifest.json"):
        (folder / f"checkpoint-{step}" / name).write_text(f"{name} of {step}")


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def follow():
    """Start following a folder of checkpoints, looking twice a second, or giving signs; ended at the end."""
    started = []

    def start(here: Path, action: str = "follow") -> "subprocess.Popen[str]":
        started.append(store(here, action, "order", "kept", "0.5"))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until_there(remote, names: list[str], follower: "subprocess.Popen[str]") -> None:
    import time

    deadline = time.monotonic() + 60
    while remote.names("checkpoints/order/files") != names:
        assert follower.poll() is None, follower.stdout.read()
        assert time.monotonic() < deadline, remote.names("checkpoints/order/files")
        time.sleep(0.1)


@pytest.mark.parametrize("remote", KINDS, indirect=True)
def test_another_machine_gets_the_checkpoints_as_they_are_and_no_others(remote, follow, tmp_path):
    here = tmp_path / "here"
    assert (asked(here, "alive", "order"), asked(here, "fetch", "order", "elsewhere")) == ("", "0")
    checkpoint(here / "kept", 1)
    (here / "kept" / "curve.jsonl").write_text("1\n")
    follower = follow(here)
    until_there(remote, ["checkpoint-1/manifest.json", "checkpoint-1/weights", "curve.jsonl"], follower)
    for path in (here / "kept" / "checkpoint-1").iterdir():
        path.unlink()
    (here / "kept" / "checkpoint-1").rmdir()
    (here / "kept" / "curve.jsonl").write_text("1\n2\n")
    checkpoint(here / "kept", 2)
    until_there(remote, ["checkpoint-2/manifest.json", "checkpoint-2/weights", "curve.jsonl"], follower)
    follower.kill()
    assert asked(here, "fetch", "order", "elsewhere") == "3"
    assert contents(here / "elsewhere") == contents(here / "kept")
    asked(here, "drop", "order")
    assert remote.names("checkpoints") == []
    assert asked(here, "fetch", "order", "nothing") == "0"


@pytest.mark.parametrize("remote", KINDS, indirect=True)
def test_signs_of_life_follow_one_another_before_there_is_any_checkpoint(remote, follow, tmp_path):
    here = tmp_path / "here"
    beater, signs = follow(here, "beat"), set()
    while len(signs) < 3:
        assert beater.poll() is None, beater.stdout.read()
        signs.add(asked(here, "alive", "order"))
    assert remote.names("checkpoints") == ["order/alive"]


@pytest.mark.parametrize("remote", ["s3", "ssh"], indirect=True)
def test_a_remote_that_goes_away_and_comes_back_is_told_and_copying_goes_on(remote, follow, tmp_path):
    here = tmp_path / "here"
    checkpoint(here / "kept", 1)
    follower = follow(here)
    until_there(remote, ["checkpoint-1/manifest.json", "checkpoint-1/weights"], follower)
    remote.stop()
    assert follower.stdout.readline().startswith("not copied to the remote: ")
    checkpoint(here / "kept", 2)
    remote.start()
    while (line := follower.stdout.readline()) != "copied again\n":
        assert line.startswith("not copied to the remote: "), line
    both = [f"checkpoint-{step}/{name}" for step in (1, 2) for name in ("manifest.json", "weights")]
    until_there(remote, both, follower)


@pytest.mark.parametrize("remote", ["s3", "ssh"], indirect=True)
def test_a_remote_that_does_not_answer_is_one_line_without_secrets(remote, tmp_path):
    remote.stop()
    process = store(tmp_path / "here", "fetch", "order", "elsewhere")
    printed = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert len(printed.splitlines()) == 1, printed
    assert str(remote.port) in printed
    assert "planted" not in printed
