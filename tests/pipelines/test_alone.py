"""One training in a folder at a time: another waits for it, saying for whom, and one that was killed holds nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

HOLDING = """
import sys
from pathlib import Path
from pipelines.stage import alone_in, log
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
with alone_in(Path("checkpoints/rlcr_multi"), "trains"):
    print("held", flush=True)
    input()
"""


def start() -> "subprocess.Popen[str]":
    """Another process that trains in checkpoints/rlcr_multi until its input ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([sys.executable, "-c", HOLDING], **pipes)


def is_held() -> bool:
    """Whether somebody trains in checkpoints/rlcr_multi."""
    try:
        FileLock("checkpoints/.rlcr_multi.lock").acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[subprocess.Popen[str]]":
    monkeypatch.chdir(tmp_path)
    started = start()
    assert started.stdout is not None and started.stdout.readline() == "held\n"
    yield started
    started.kill()
    started.communicate()


def test_a_second_training_waits_for_the_first_and_names_it(holder: "subprocess.Popen[str]") -> None:
    second = start()
    assert second.stdout is not None
    said = second.stdout.readline()
    assert said.startswith(f"checkpoints/rlcr_multi: process {holder.pid} on ")
    assert said.endswith(" trains there; waiting until it has ended\n")
    holder.communicate("\n")
    assert second.stdout.readline() == "held\n"
    second.communicate("\n")


def test_a_training_holds_its_folder_and_one_that_has_ended_nothing(holder: "subprocess.Popen[str]") -> None:
    assert is_held()
    holder.communicate("\n")
    assert not is_held()


def test_a_training_that_was_killed_holds_nothing(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()
    assert not is_held()
