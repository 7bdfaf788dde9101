"""A worker process: one job after another, each with a checker and a program's process forked from here.

The worker never reads a job, so nothing of one (its expected values) is in the memory that later programs start with.
The checker it forks reads the job from the caller and sends the verdict to the caller; the worker watches the clock
and the amount of output, and kills. It is started with exec: a caller with threads and torch loaded is safe.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from setwise.sandbox import candidate, channel, checker, seccomp, walls
from setwise.sandbox import syscalls as sc
from setwise.sandbox.job import Isolation, Limits, Status
from setwise.sandbox.link import Link, Verdict
from setwise.sandbox.stalls import Stopwatch

_READY, _STARTED = b"r", b"s"
_SERVED, _NO_MORE_JOBS = 0, 3
_GRACE_SECONDS = 1.0
"""How long after the limit the worker waits for the checker, which knows the test, to report it."""
_IDLE_SECONDS = 1.0
"""How often the worker looks whether the caller is still its parent; forked copies of it may keep the sockets open."""
_CHECKER_MEMORY_BYTES = 1 << 30
_PRELOADED = "bisect cmath copy heapq itertools math re string typing"
"""Modules that programs often import: loaded once here, and not once for each program."""


class Worker:
    """The worker's end of its two sockets: jobs in (read by checkers alone), verdicts out."""

    def __init__(self, jobs: int, verdicts: int, isolation: Isolation, limits: Limits) -> None:
        self._jobs = jobs
        self._verdicts = verdicts
        self._isolation = isolation
        self._limits = limits
        self._parent = os.getppid()
        self._announced = False
        self._number = 0
        """How many jobs were begun: a late second word on one job is not taken for the verdict on the next."""

    def run(self) -> None:
        """Serve jobs until the caller is gone."""
        try:
            seccomp.system_call_filter()  # made once, before the forks
            if self._isolation is Isolation.NAMESPACES:
                walls.build_wall()
            elif self._isolation is Isolation.NONE:
                sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)
            while self._serve_one():
                pass
        except OSError as error:
            self._say({"broken": str(error)})

    def _serve_one(self) -> bool:
        """Fork a checker, which waits for a job, and watch over it; False if there are no more jobs."""
        self._number += 1
        status, status_write = os.pipe()
        output, output_write = os.pipe()
        pid = os.fork() if self._isolation is Isolation.NONE else walls.clone_inside(self._limits)
        if pid == 0:
            self._be_checker(status_write, output_write)
        os.close(status_write)
        os.close(output_write)
        process = os.pidfd_open(pid)
        try:
            return self._watch(pid, process, status, output)
        finally:
            for descriptor in (process, status, output):
                os.close(descriptor)

    def _watch(self, pid: int, process: int, status: int, output: int) -> bool:
        """Wait for the checker's end, or bring it about."""
        poll = select.poll()
        for descriptor in (process, status, output):
            poll.register(descriptor, select.POLLIN)
        poll.register(self._jobs, select.POLLRDHUP)
        started: float | None = None
        stopwatch: Stopwatch | None = None
        written = 0
        while True:
            began, patience = time.monotonic(), stopwatch.left(_IDLE_SECONDS) if stopwatch else _IDLE_SECONDS
            ready = {descriptor for descriptor, _ in poll.poll(1000 * patience)}
            if stopwatch:
                stopwatch.note_wait(patience, time.monotonic() - began)
            if status in ready:
                started = self._note(os.read(status, 64), started) or started
                if started:
                    poll.unregister(status)
                    stopwatch = Stopwatch(self._limits, lambda: _family(pid), _GRACE_SECONDS)
            if output in ready:
                piece = len(os.read(output, 1 << 16))
                written += piece
                if not piece:
                    poll.unregister(output)
            if process in ready:
                return self._conclude(self._reap(pid), started)
            if written > self._limits.output_bytes:
                return self._kill(pid, started, Status.CRASHED, f"wrote more than {self._limits.output_bytes} bytes")
            if stopwatch and (late := stopwatch.verdict()):
                return self._kill(pid, started, late, f"over {self._limits.wall_seconds:g} s")
            if self._jobs in ready or os.getppid() != self._parent:  # the caller is gone
                self._reap(pid, kill=True)
                return False

    def _note(self, news: bytes, started: float | None) -> float | None:
        if _READY in news and not self._announced:
            self._announced = True
            self._say({"ready": True})
        return time.monotonic() if _STARTED in news else started

    def _conclude(self, code: int, started: float | None) -> bool:
        if code == _NO_MORE_JOBS:
            return False
        if started is None:
            raise OSError(f"the checker ended before it had a job (exit code {code})")
        if code != _SERVED:
            self._say_verdict(started, Verdict(Status.REFUSED, f"its checker ended with code {code}"))
        return True

    def _kill(self, pid: int, started: float | None, status: Status, detail: str) -> bool:
        self._reap(pid, kill=True)
        if started is not None:
            self._say_verdict(started, Verdict(status, detail))
        return True

    def _reap(self, pid: int, kill: bool = False) -> int:
        """The checker's exit code; with it the whole PID namespace is gone, or without one, all that it started."""
        if kill:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if self._isolation is Isolation.NONE:
            _kill_children()
        return code

    def _say_verdict(self, started: float, verdict: Verdict) -> None:
        self._say(asdict(verdict) | {"number": self._number, "seconds": time.monotonic() - started})

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the caller is gone: nobody to tell
            os.write(self._verdicts, json.dumps(message).encode())

    def _be_checker(self, status: int, output: int) -> NoReturn:
        """The forked child: fork the program's process, then read one job, check it, and say the verdict."""
        code = 1
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            sc.prctl(sc.PR_SET_DUMPABLE, 0)
            mine, theirs = _stream_pair()
            pid = os.fork()
            if pid == 0:
                _be_program(theirs, self._limits)
            os.close(theirs)
            if self._isolation is not Isolation.NONE:
                sc.drop_capabilities()
            _limit(self._limits, memory=_CHECKER_MEMORY_BYTES)
            os.write(status, _READY)
            code = self._check_one(status, mine, pid)
        except OSError as error:
            self._say({"broken": str(error)})
        finally:
            os._exit(code)

    def _check_one(self, status: int, link: int, pid: int) -> int:
        try:
            job = channel.receive(self._jobs)
        except EOFError:
            return _NO_MORE_JOBS
        os.write(status, _STARTED)
        started = time.monotonic()
        processes = partial(_family, pid) if self._isolation is Isolation.NONE else None
        self._say_verdict(started, checker.check(job, Link(link, pid, self._limits, processes)))
        return _SERVED


def _kill_children() -> None:
    while children := Path("/proc/thread-self/children").read_text().split():
        for child in map(int, children):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _family(pid: int) -> list[int]:
    """A process and all that it started and that is there."""
    found = [pid]
    for process in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def _stream_pair() -> tuple[int, int]:
    mine, theirs = socket.socketpair()
    return mine.detach(), theirs.detach()


def _be_program(descriptor: int, limits: Limits) -> NoReturn:
    """The forked grandchild: keep one descriptor and no right, and run the program."""
    try:
        os.setsid()  # signals to a process group pass through PID namespaces, and the worker is in the one it leaves
        os.dup2(descriptor, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        sc.drop_capabilities()
        sc.prctl(sc.PR_SET_DUMPABLE, 1)
        sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)
        _limit(limits, memory=limits.memory_bytes)
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.processes, limits.processes))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
        seccomp.deny_system_calls()
        candidate.serve(3)
    finally:
        os._exit(0)


def _limit(limits: Limits, memory: int) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def main() -> None:
    """Run a worker; arguments: where setwise is, the two sockets' descriptors, the isolation, the limits as JSON."""
    _, root, jobs, verdicts, isolation, limits = sys.argv
    sys.argv[:] = [""]
    sys.path.remove(root)
    os.environ.clear()
    for name in _PRELOADED.split():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # children share these objects' memory pages as long as nobody counts through them
    Worker(int(jobs), int(verdicts), Isolation(isolation), Limits(**json.loads(limits))).run()
