"""One training in a folder at a time: another waits for it, saying for whom, and one that was killed holds nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.stage import alone_in

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


def test_a_training_that_has_ended_holds_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with alone_in(tmp_path / "rlcr_multi", "trains"):
            pass


def test_a_training_that_was_killed_holds_nothing(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    with alone_in(Path("checkpoints/rlcr_multi"), "trains"):
        pass
