"""Symbolic checks in worker processes that can be killed: right from any thread or process, with a hard time limit."""

from __future__ import annotations

import atexit
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

CHECK_SECONDS = 3.0
"""A check that takes more processor time is given up. Checks of olympiad answers take 1 to 100 ms."""
WALL_FACTOR = 10
"""So many times as long a check may take by the clock: a machine that stalls says nothing about the answer."""
START_SECONDS = 120.0

_WORKER = Path(__file__).with_name("math_worker.py")


class Verdict(StrEnum):
    """What came of a check. All but the first two could not be decided."""

    EQUAL = "equal"
    DIFFERENT = "different"
    TIMED_OUT = "math_timed_out"
    """It took too much processor time, and would again."""
    STALLED = "math_stalled"
    """It took too long by the clock: the machine had no time for it."""
    CRASHED = "math_crashed"
    UNDECIDED = "math_undecided"
    """The algebra could neither prove that the two are equal nor that they differ."""
    ERROR = "math_error"

    @property
    def decided(self) -> bool:
        """Whether the check said yes or no."""
        return self in (Verdict.EQUAL, Verdict.DIFFERENT)

    @property
    def lasts(self) -> bool:
        """Whether the same check would end the same another time."""
        return self not in (Verdict.CRASHED, Verdict.STALLED)


class WorkerGoneError(RuntimeError):
    """The worker ended or gave no reply in time."""


class Worker:
    """One worker process; it is started when first asked and again after it was killed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._wall_seconds = seconds * WALL_FACTOR
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def check(self, gold: str, answer: str) -> Verdict:
        """Compare two expressions; a worker that dies is replaced and the check tried once more."""
        for _ in range(2):
            if self._process is None:
                self._start()
            started = time.monotonic()
            try:
                reply = self._ask(json.dumps([gold, answer]), self._wall_seconds + 1)
            except (WorkerGoneError, BrokenPipeError):
                if self.stop() == -signal.SIGPROF:
                    return Verdict.TIMED_OUT
                if time.monotonic() - started >= self._wall_seconds:
                    return Verdict.STALLED
                continue
            if "error" in reply:
                return Verdict.ERROR
            if reply["equal"] is None:
                return Verdict.UNDECIDED
            return Verdict.EQUAL if reply["equal"] else Verdict.DIFFERENT
        return Verdict.CRASHED

    def stop(self) -> int | None:
        """Kill the process, if there is one; how it ended (a negative number is the signal)."""
        if self._process is None:
            return None
        self._process.kill()
        self._process.communicate()
        status, self._process = self._process.returncode, None
        return status

    def _start(self) -> None:
        self._buffer = b""
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER), str(self._seconds), str(self._wall_seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                start_new_session=True,
            )
            try:
                self._read_line(START_SECONDS)
            except WorkerGoneError as error:
                self.stop()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
                raise RuntimeError(f"the math worker does not start: {said[0]}") from error

    def _ask(self, request: str, seconds: float) -> dict[str, object]:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(request.encode() + b"\n")
        reply: dict[str, object] = json.loads(self._read_line(seconds))
        return reply

    def _read_line(self, seconds: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            poll = select.poll()
            poll.register(self._process.stdout, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise WorkerGoneError("no reply in time")
            if not (data := os.read(self._process.stdout.fileno(), 65536)):
                raise WorkerGoneError("the worker ended")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line


class MathPool:
    """A few workers that any number of threads share.

    Args:
        workers: processes; they start when first needed (about a second each).
        seconds: processor time that one check may take; by the clock it may take `WALL_FACTOR` times as long.
    """

    def __init__(self, workers: int, seconds: float = CHECK_SECONDS) -> None:
        self._workers = [Worker(seconds) for _ in range(workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    def check(self, pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
        """Compare each (gold, answer) pair, side by side, results in the order given."""
        verdicts: list[Verdict] = [Verdict.CRASHED] * len(pairs)
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(pairs)):
            waiting.put(index)

        def work() -> None:
            worker = self._idle.get()
            try:
                while True:
                    try:
                        index = waiting.get_nowait()
                    except queue.Empty:
                        return
                    verdicts[index] = worker.check(*pairs[index])
            finally:
                self._idle.put(worker)

        threads = min(len(self._workers), len(pairs))
        if threads:
            with ThreadPoolExecutor(threads) as executor:
                for done in [executor.submit(work) for _ in range(threads)]:
                    done.result()
        return verdicts

    def close(self) -> None:
        """Kill all workers; the pool can be used again, they start anew."""
        for worker in self._workers:
            worker.stop()


def math_pool() -> MathPool:
    """The pool of this process (a forked child has its own)."""
    return _pool_of(os.getpid())


_POOL_LOCK = threading.Lock()


def _pool_of(pid: int) -> MathPool:
    with _POOL_LOCK:
        return _make_pool(pid)


@lru_cache(maxsize=1)
def _make_pool(pid: int) -> MathPool:
    """As many workers as this process has cores, shared with the other processes of a distributed training here."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = MathPool(max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1") or 1)))
    atexit.register(pool.close)
    return pool
