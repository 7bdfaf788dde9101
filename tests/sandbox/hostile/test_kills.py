"""Killing others, leaving early and staying behind: no verdict is won, none is lost, no process is left."""

from __future__ import annotations

import os
import shutil
import threading
import time

import psutil
import pytest
from trial import HANGING, RIGHT, TEST, WRONG

from setwise.sandbox import Job, Limits, Status, run_programs

KILLS = {
    "its parent": "os.kill(os.getppid(), 9)",
    "process 1": "[os.kill(1, s) for s in range(1, 65) if s not in (32, 33)]",
    "the caller": "os.kill({caller}, 9)",
    "everybody": "os.kill(-1, 9)",
    "its group": "os.killpg(0, 15)",
    "its group at once": "os.kill(0, 9)",
    "its group, stopped": "os.killpg(0, 19)",
}


def _killing(attack: str) -> str:
    return "import os\ntry: " + attack.format(caller=os.getpid()) + "\nexcept OSError: pass\n" + WRONG


@pytest.mark.parametrize("attack", KILLS.values(), ids=KILLS.keys())
def test_killing_does_not_help(judge, attack):
    assert not judge(_killing(attack), TEST, limits=HANGING).passed


KILL_AS_ANYBODY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from setwise.sandbox import *
assert os.getuid() == 54321
for program in {programs!r}:
    jobs = [Job(source, ({test!r},)) for source in (program, {right!r})]
    results = run_programs(jobs * 2, Limits(wall_seconds=1.5), sys.argv[2], 1)
    print(any(r.passed or "lost" in r.detail for r in results[::2]), *[r.status for r in results[1::2]])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="this user is unprivileged: the test above is this test")
def test_an_ordinary_users_programs_cost_no_other_its_verdict_by_killing(isolation, as_anybody):
    programs = [_killing(attack) for attack in KILLS.values()]
    done = as_anybody(KILL_AS_ANYBODY.format(programs=programs, test=TEST, right=RIGHT), isolation)
    assert done.stdout.splitlines() == ["False passed passed"] * len(KILLS), done.stdout + done.stderr


LEAVING = {
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "exit()": "exit()",
    "os._exit(0)": "import os\nos._exit(0)",
    "quit in the call": "def f(x):\n    raise SystemExit",
    "os._exit in the call": "import os\ndef f(x):\n    os._exit(0)",
    "a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "exec": "import os\nos.execv('/usr/bin/true', ['true'])",
    "a thread that exits": "import os, threading as t, time\nt.Timer(0.05, os._exit, [0]).start()\ntime.sleep(5)",
}


@pytest.mark.parametrize("program", LEAVING.values(), ids=LEAVING.keys())
def test_leaving_before_the_tests_is_a_crash(judge, program):
    assert judge(program, TEST).status is Status.CRASHED


def _processes_called(name: str) -> list[int]:
    return [process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == name]


DAEMON = """
import ctypes, os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3): os.close(fd)
        ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep({wait})
"""


def test_a_daemon_is_gone_when_the_verdict_is_there(isolation):
    name = f"daemon{os.getpid()}"
    job = Job(DAEMON.format(name=name, wait=1) + RIGHT, (TEST,))
    seen = []
    running = threading.Event()

    def look() -> None:
        while not running.is_set() and not seen:
            seen.extend(_processes_called(name))
            time.sleep(0.02)

    watcher = threading.Thread(target=look)
    watcher.start()
    result = run_programs([job], Limits(wall_seconds=5.0), isolation)[0]
    running.set()
    watcher.join()
    assert result.passed and seen, "the daemon was there while the program ran"
    deadline = time.monotonic() + 5
    while _processes_called(name) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _processes_called(name) == []


@pytest.mark.skipif(shutil.which("setsid") is None, reason="there is no setsid program")
def test_a_daemon_started_as_a_program_is_gone_too(judge):
    seconds = str(os.getpid() + 10**7)
    program = f"import subprocess\nsubprocess.Popen(['/usr/bin/setsid', 'sleep', '{seconds}'])"
    assert judge(program + RIGHT, TEST).passed
    deadline = time.monotonic() + 5
    while _processes_given(seconds) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _processes_given(seconds) == []


def _processes_given(argument: str) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if argument in (process.info["cmdline"] or [])]
