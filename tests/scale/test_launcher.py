"""A launcher that is killed: the stage says by which signal, as a shell does, so that the flow tries it again."""

import signal
import time

import psutil
import pytest
from smoke_workspace import Workspace

from tasks.stages import StageOutcome, _cause


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_whose_launcher_is_killed_ends_with_128_and_its_signal(
    workspace: Workspace, by: signal.Signals
) -> None:
    workspace.set(scale__accelerate="two_cpus")
    started = workspace.start("train", "--method", "rlcr_multi")
    stage, launchers = psutil.Process(started.process.pid), []
    end = time.monotonic() + 120
    while not launchers:
        assert started.running and time.monotonic() < end, started.output()
        launchers = [child for child in stage.children() if "accelerate.commands.launch" in child.cmdline()]
        time.sleep(0.01)
    launchers[0].send_signal(by)
    ended = started.wait()
    assert ended.code == 128 + by, ended
    lines = [f"ERROR: failed to reproduce 'train@a': failed to run: python -m x, exited with {ended.code}"]
    outcome = StageOutcome("train@a", "failed", 1.0, *_cause(255, lines))
    assert outcome.exit_code == -by
    assert outcome.worth_retrying
