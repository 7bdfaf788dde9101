"""A program that ran out of time because the machine did not run it is not wrong: nobody has judged it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from setwise.matching.program import ProgramJob, SandboxRunner
from setwise.sandbox import Job, Limits, Result, Status, run_programs
from setwise.sandbox.stalls import PATIENCE, Stopwatch

LOOP = "while True: pass"
SLEEP = "import time\ntime.sleep(100)"
SLOW = "import time\ndef f(x):\n    time.sleep(0.4)\n    return x"


@pytest.fixture
def busy_core() -> Iterator[int]:
    """A processor that a loop has to itself."""
    core = min(os.sched_getaffinity(0))
    process = _start(LOOP, core, 0)
    yield core
    process.kill()
    process.wait()


def _start(code: str, core: int, nice: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    os.sched_setaffinity(process.pid, {core})
    os.setpriority(os.PRIO_PROCESS, process.pid, nice)
    return process


@pytest.mark.parametrize(
    ("code", "nice", "status"),
    [
        (LOOP, 19, Status.STALLED),
        (LOOP, 0, Status.TIMED_OUT),
        (SLEEP, 19, Status.TIMED_OUT),
    ],
    ids=["starved", "fed", "asleep"],
)
def test_only_a_process_that_was_kept_waiting_has_stalled(busy_core: int, code: str, nice: int, status: Status) -> None:
    process = _start(code, busy_core, nice)
    stopwatch = Stopwatch(Limits(wall_seconds=1.0, cpu_seconds=1), lambda: [process.pid])
    while not (verdict := stopwatch.verdict()):
        time.sleep(stopwatch.left(0.2))
    process.kill()
    process.wait()
    assert verdict is status


def test_processes_that_keep_each_other_waiting_have_their_time_together() -> None:
    core = min(os.sched_getaffinity(0))
    processes = [_start(LOOP, core, 0) for _ in range(8)]
    stopwatch = Stopwatch(Limits(wall_seconds=1.0, cpu_seconds=1), lambda: [process.pid for process in processes])
    while not (verdict := stopwatch.verdict()):
        time.sleep(stopwatch.left(0.2))
    for process in processes:
        process.kill()
        process.wait()
    assert verdict is Status.TIMED_OUT


@pytest.mark.parametrize(
    ("stopped", "status"),
    [(2.0, Status.PASSED), (PATIENCE * 1.5 + 1.5, Status.STALLED)],
    ids=["for a while", "for long"],
)
def test_time_in_which_the_whole_machine_stood_still_is_not_the_programs(
    isolation, stopped: float, status: Status
) -> None:
    results: list[Result] = []
    job = Job(SLOW, ("assert f(1) == 1",) * 2)
    limits = Limits(wall_seconds=1.5)
    thread = threading.Thread(target=lambda: results.extend(run_programs([job], limits, isolation, 1)))
    run_programs([job], limits, isolation, 1)
    thread.start()
    time.sleep(0.2)
    machine = psutil.Process().children(recursive=True)
    for process in machine:
        process.send_signal(signal.SIGSTOP)
    time.sleep(stopped)
    for process in machine:
        with contextlib.suppress(psutil.NoSuchProcess):  # given up for stalled, and killed as it stood
            process.send_signal(signal.SIGCONT)
    thread.join()
    assert results[0].status is status, results


@pytest.mark.parametrize(
    ("program", "limits"),
    [(LOOP, Limits(wall_seconds=20.0, cpu_seconds=1)), (SLEEP, Limits(wall_seconds=1.5))],
    ids=["looping", "sleeping"],
)
def test_a_program_that_lets_its_own_time_pass_has_timed_out(isolation, program: str, limits: Limits) -> None:
    result = run_programs([Job(program, ("assert f(1) == 1",))], limits, isolation)[0]
    assert result.status is Status.TIMED_OUT, result


def test_a_program_that_loops_is_wrong_and_not_undecided() -> None:
    jobs = [ProgramJob("def f(x):\n    while True: pass", ("assert f(1) == 1",))]
    assert SandboxRunner().run(jobs) == ["failed"]
