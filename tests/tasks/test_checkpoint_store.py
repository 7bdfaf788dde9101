"""Checkpoints on a remote of each kind, by DVC's own connection to it, also when the remote goes away for a while."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from remotes import KINDS, FolderRemote

from tasks.checkpoint_store import CheckpointStore
from tasks.environment import child_environment

pytestmark = pytest.mark.operations


@pytest.fixture
def remote(request, tmp_path, monkeypatch):
    """A remote of the kind asked for, served, and set for the DVC workspace ``tmp_path / "here"``."""
    made = KINDS[request.param](tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.start()
    made.set_for(make_workspace(tmp_path / "here"))
    yield made
    made.stop()


def make_workspace(folder: Path) -> Path:
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "--quiet", "init", "--no-scm"], cwd=folder, check=True)
    return folder


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
    deadline = time.monotonic() + 60
    while remote.names("checkpoints/order/files") != names:
        assert follower.poll() is None, follower.stdout.read()
        assert time.monotonic() < deadline, remote.names("checkpoints/order/files")
        time.sleep(0.1)


@pytest.mark.parametrize("remote", KINDS, indirect=True)
def test_another_machine_gets_the_checkpoints_as_they_are_and_no_others(remote, follow, tmp_path):
    here = tmp_path / "here"
    assert (asked(here, "alive", "order"), asked(here, "fetch", "order", "elsewhere")) == ("", "0")
    (here / "kept").mkdir()
    (here / "kept" / ".order").write_text("order")
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
    (here / "kept").mkdir()
    (here / "kept" / ".order").write_text("order")
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


@pytest.fixture
def opened(tmp_path):
    """A remote that holds steps 1 to 3 of the order's training, as DVC's connection in this process."""
    from dvc.repo import Repo

    FolderRemote(tmp_path).set_for(make_workspace(tmp_path / "here"))
    with Repo(str(tmp_path / "here")) as repo:
        made = CheckpointStore(repo, "order")
        for step in (1, 2, 3):
            checkpoint(tmp_path / "first", step)
        made.upload(tmp_path / "first")
        yield made


def steps(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def test_a_worker_that_has_got_less_far_removes_nothing_and_one_that_has_got_further_does(opened, tmp_path):
    checkpoint(tmp_path / "second", 2)
    opened.upload(tmp_path / "second")
    assert opened.fetch(tmp_path / "seen") == 4
    assert steps(tmp_path / "seen") == ["checkpoint-2", "checkpoint-3"]
    checkpoint(tmp_path / "second", 4)
    opened.upload(tmp_path / "second")
    opened.fetch(tmp_path / "seen")
    assert steps(tmp_path / "seen") == ["checkpoint-2", "checkpoint-4"]


@pytest.mark.parametrize(
    ("owner", "step", "kept"),
    [
        ("order", 2, False),
        ("order", 3, True),
        ("order", 4, True),
        ("another", 9, False),
        ("", 9, False),
    ],
)
def test_a_folder_gives_way_to_the_remotes_unless_it_is_of_the_order_and_as_far(opened, tmp_path, owner, step, kept):
    checkpoint(tmp_path / "kept", step)
    if owner:
        (tmp_path / "kept" / ".order").write_text(owner)
    assert opened.fetch(tmp_path / "kept") == (0 if kept else 6)
    expected = [f"checkpoint-{step}"] if kept else ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert steps(tmp_path / "kept") == expected


def test_what_comes_half_leaves_the_folder_as_it_was_and_comes_whole_the_next_time(opened, tmp_path, monkeypatch):
    checkpoint(tmp_path / "kept", 1)
    get, fetched = opened.fs.get_file, []

    def cut_off(*names: str) -> None:
        if fetched:
            raise OSError("connection reset")
        fetched.append(get(*names))

    monkeypatch.setattr(opened.fs, "get_file", cut_off)
    with pytest.raises(OSError, match="connection reset"):
        opened.fetch(tmp_path / "kept")
    assert steps(tmp_path / "kept") == ["checkpoint-1"]
    monkeypatch.undo()
    opened.fetch(tmp_path / "kept")
    assert contents(tmp_path / "kept") == {**contents(tmp_path / "first"), ".order": "order"}


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_what_another_training_left_is_not_copied_and_from_its_first_checkpoint_on_this_one_is(
    remote, follow, tmp_path
):
    kept = tmp_path / "here" / "kept"
    checkpoint(kept, 9)
    follower = follow(tmp_path / "here")
    time.sleep(5)  # it may do wrong meanwhile
    assert remote.names("checkpoints") == []
    shutil.rmtree(kept)
    checkpoint(kept, 1)
    until_there(remote, ["checkpoint-1/manifest.json", "checkpoint-1/weights"], follower)
    assert (kept / ".order").read_text() == "order"
