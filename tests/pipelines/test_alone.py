"""One training in a folder at a time: another is refused, and one whose starter was killed ends by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.alone import alone_in
from pipelines.stage import StageFailure

HOLDING = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from pipelines.alone import alone_in

with alone_in(Path("checkpoints/rlcr_multi")):
    print("held", flush=True)
    time.sleep(600)
"""
WORKING = """
import os, time
from collections.abc import Iterator
from pathlib import Path
from pipelines.alone import end_with_starter

end_with_starter()
Path("pid.writing").write_text(str(os.getpid()))
Path("pid.writing").rename("pid")
time.sleep(600)
"""
STARTING = """
import os, subprocess, sys
subprocess.run(["sh", "-c", sys.executable + " working.py; true"], env={**os.environ, MARK: "train@rlcr_multi"})
"""


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[subprocess.Popen[str]]":
    """Another process that trains in checkpoints/rlcr_multi."""
    monkeypatch.chdir(tmp_path)
    started = subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None and started.stdout.readline() == "held\n"
    yield started
    started.kill()
    started.wait()


def test_a_second_training_is_refused_and_names_the_first(holder: "subprocess.Popen[str]") -> None:
    said = rf"checkpoints/rlcr_multi: process {holder.pid} on .* trains there; wait until it has ended, or end it"
    with pytest.raises(StageFailure, match=said), alone_in(Path("checkpoints/rlcr_multi"), patience_s=0):
        pass


def test_a_training_that_was_killed_holds_nothing(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    with alone_in(Path("checkpoints/rlcr_multi")):
        pass


@pytest.mark.parametrize("mark", ["DVC_STAGE", "SETWISE_LAUNCHED"])
def test_what_was_started_through_a_shell_ends_when_its_starter_is_killed(mark: str, tmp_path: Path) -> None:
    (tmp_path / "working.py").write_text(WORKING)
    (tmp_path / "starting.py").write_text(STARTING.replace("MARK", repr(mark)))
    starter = subprocess.Popen([sys.executable, "starting.py"], cwd=tmp_path)
    while not (tmp_path / "pid").exists():
        assert starter.poll() is None
        time.sleep(0.05)
    working = psutil.Process(int((tmp_path / "pid").read_text()))
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    working.wait(120)


def test_what_was_started_by_hand_goes_on_without_its_shell(tmp_path: Path) -> None:
    (tmp_path / "working.py").write_text(WORKING)
    command = f"{sys.executable} working.py & while [ ! -e pid ]; do sleep 0.1; done"
    environment = {name: value for name, value in os.environ.items() if name not in ("DVC_STAGE", "SETWISE_LAUNCHED")}
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, check=True)
    working = psutil.Process(int((tmp_path / "pid").read_text()))
    with pytest.raises(psutil.TimeoutExpired):
        working.wait(3)
    working.kill()
