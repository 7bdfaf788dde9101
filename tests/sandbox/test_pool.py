"""The caller's side: threads, torch, interrupted callers and lost workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setwise.sandbox import Isolation, Job, Limits, Status, run_programs

ROOT = Path(__file__).parents[2]
NAME_ITSELF = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)\ntime.sleep({seconds})"
GOOD = Job("def f(x):\n    return x", ("assert f(1) == 1",))


def _wait_for(condition) -> bool:
    deadline = time.monotonic() + 20
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(done)


def _called(name: str) -> list[int]:
    found = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        try:
            if file.read_text().strip() == name:
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found


def _workers(limits: Limits) -> list[int]:
    """The workers with these limits; their children are in PID namespaces of their own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, status = ((folder / name).read_text(errors="replace") for name in ("cmdline", "status"))
        except OSError:
            continue
        inside = len(status.split("NSpid:")[1].split("\n")[0].split()) > 1
        if limits.to_json() in command and not inside and "bwrap" not in command.split("\0")[0]:
            found.append(int(folder.name))
    return sorted(found)


def test_threads_may_call_at_the_same_time(isolation):
    jobs = [[Job(f"def f():\n    return {i}", (f"assert f() == {i}", "assert f() % 2 == 0"))] * 3 for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda some: run_programs(some, None, isolation, 2), jobs))
    assert [[result.passed for result in some] for some in results] == [[i % 2 == 0] * 3 for i in range(12)]


def test_a_caller_with_torch_and_busy_threads_is_safe(isolation):
    code = f"""
import threading, torch
from setwise.sandbox import Job, run_programs
stop = threading.Event()
def burn():
    while not stop.is_set(): torch.rand(100, 100) @ torch.rand(100, 100)
threads = [threading.Thread(target=burn) for _ in range(3)]
for t in threads: t.start()
results = run_programs([Job("def f(x): return x", ("assert f(1) == 1",))] * 20, isolation={str(isolation)!r}, workers=2)
stop.set()
print(sum(r.passed for r in results))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True
    )
    assert done.stdout.strip() == "20", done.stderr


def test_workers_are_kept_between_calls(isolation):
    limits = Limits(wall_seconds=4.125 if isolation is Isolation.NAMESPACES else 4.25)
    run_programs([GOOD] * 4, limits, isolation, workers=2)
    first = _workers(limits)
    run_programs([GOOD] * 4, limits, isolation, workers=2)
    assert len(first) == 2 and _workers(limits) == first


LOST_WORKERS = {
    "once": (1, 15.5, [Status.PASSED] * 3),
    "twice": (2, 16.5, [Status.REFUSED, Status.PASSED, Status.PASSED]),
}


@pytest.mark.parametrize(("times", "wall", "statuses"), LOST_WORKERS.values(), ids=LOST_WORKERS.keys())
def test_a_job_whose_worker_is_lost_gets_one_more_and_is_then_refused(isolation, times, wall, statuses):
    limits = Limits(wall_seconds=wall + 0.125 * (isolation is Isolation.NAMESPACES))
    name = f"lost{times}{isolation[0]}{os.getpid()}"
    job = Job(NAME_ITSELF.format(name=name, seconds=2), ("assert True",))
    results = []
    running = threading.Thread(target=lambda: results.extend(run_programs([job, GOOD, GOOD], limits, isolation, 1)))
    running.start()
    for _ in range(times):
        assert _wait_for(lambda: _called(name))
        for pid in _workers(limits):
            os.kill(pid, signal.SIGKILL)
        assert _wait_for(lambda: not _called(name))
    running.join()
    assert [result.status for result in results] == statuses
    assert results[0].passed or "worker lost twice" in results[0].detail
    assert _wait_for(lambda: not _called(name))


def test_nothing_is_left_when_the_caller_is_killed(isolation):
    name = f"orphan{isolation[0]}{os.getpid()}"
    job = f"Job({NAME_ITSELF.format(name=name, seconds=1000)!r}, ('assert True',))"
    code = f"from setwise.sandbox import *\nrun_programs([{job}], Limits(wall_seconds=1000), {str(isolation)!r})"
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    assert _wait_for(lambda: _called(name))
    caller.kill()
    caller.wait()
    assert _wait_for(lambda: not _called(name))


AS_ANYBODY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from setwise.sandbox import *
assert os.getuid() == 54321
right = Job("def f(x): return x", ("assert f(1) == 1",))
wrong = Job("import os\\nos.kill(-1, 9)\\ndef f(x): return x", ("assert f(1) == 2",))
print(*[r.status for r in run_programs([right, wrong], None, sys.argv[2], 2)])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="this user is unprivileged: the other tests are this test")
def test_an_unprivileged_user_gets_the_same(isolation, as_anybody):
    done = as_anybody(AS_ANYBODY, isolation)
    assert done.stdout.split() == ["passed", "crashed"], done.stdout + done.stderr


def test_a_forked_process_has_workers_of_its_own(isolation):
    assert run_programs([GOOD], None, isolation, 1)[0].passed
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(writer, run_programs([GOOD], None, isolation, 1)[0].status.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 100) == b"passed"
    assert run_programs([GOOD], None, isolation, 1)[0].passed


def test_no_isolation_means_no_run(monkeypatch):
    monkeypatch.setattr("setwise.sandbox.programs._choose", lambda asked: (Isolation.NONE, "none here"))
    assert run_programs([GOOD, GOOD])[1].status is Status.REFUSED
