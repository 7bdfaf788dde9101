"""A program that ran out of time because the machine did not run it is not wrong: nobody has judged it."""

from __future__ import annotations

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
from setwise.sandbox import Job, Limits, Status, run_programs
from setwise.sandbox.stalls import had_no_time

LIMITS = Limits(wall_seconds=1.5)
LOOP = "while True: pass"
SLEEP = "import time\ntime.sleep(100)"


@pytest.fixture
def started() -> Iterator[dict[str, int]]:
    """Two loops on one processor, one of which gets nearly nothing of it, and one process that sleeps."""
    core = {min(os.sched_getaffinity(0))}

    def start(code: str, crowd: bool, policy: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-S", "-c", code])
        if crowd:
            os.sched_setaffinity(process.pid, core)
        os.sched_setscheduler(process.pid, policy, os.sched_param(0))
        return process

    processes = {
        "starved": start(LOOP, True, os.SCHED_IDLE),
        "fed": start(LOOP, True, os.SCHED_OTHER),
        "asleep": start(SLEEP, False, os.SCHED_OTHER),
    }
    time.sleep(3.0)
    yield {name: process.pid for name, process in processes.items()}
    for process in processes.values():
        process.kill()
        process.wait()


def test_only_a_process_that_was_kept_waiting_had_no_time(started: dict[str, int]) -> None:
    limits = Limits(wall_seconds=3.0, cpu_seconds=1)
    found = {name: had_no_time([pid], limits, late=0.0) for name, pid in started.items()}
    assert found == {"starved": True, "fed": False, "asleep": False}


def test_a_watcher_that_woke_late_saw_the_machine_stand_still() -> None:
    asleep = [os.getpid()]
    assert had_no_time(asleep, Limits(wall_seconds=60.0, cpu_seconds=10**6), late=50.0)


def test_a_program_that_was_stopped_with_its_machine_has_no_verdict(isolation) -> None:
    program = "import time\ndef f(x):\n    time.sleep(0.5)\n    return x"
    results = []
    thread = threading.Thread(
        target=lambda: results.append(run_programs([Job(program, ("assert f(1) == 1",) * 4)], LIMITS, isolation, 1)[0])
    )
    thread.start()
    time.sleep(0.7)
    machine = psutil.Process().children(recursive=True)
    for process in machine:
        process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    for process in machine:
        process.send_signal(signal.SIGCONT)
    thread.join()
    assert results[0].status is Status.STALLED, results


@pytest.mark.parametrize(
    ("program", "limits"),
    [(LOOP, Limits(wall_seconds=20.0, cpu_seconds=1)), (SLEEP, LIMITS)],
    ids=["looping", "sleeping"],
)
def test_a_program_that_lets_its_own_time_pass_has_timed_out(isolation, program: str, limits: Limits) -> None:
    result = run_programs([Job(program, ("assert f(1) == 1",))], limits, isolation)[0]
    assert result.status is Status.TIMED_OUT, result


def test_a_program_that_loops_is_wrong_and_not_undecided() -> None:
    jobs = [ProgramJob("def f(x):\n    while True: pass", ("assert f(1) == 1",))]
    assert SandboxRunner().run(jobs) == ["failed"]
