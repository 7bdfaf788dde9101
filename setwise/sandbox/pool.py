"""The caller's side: worker processes kept between calls, jobs handed to whichever is free, verdicts collected."""

from __future__ import annotations

import contextlib
import json
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from setwise.sandbox import channel, walls
from setwise.sandbox.job import Isolation, Job, Limits, Result, Status
from setwise.sandbox.stalls import PATIENCE

_START_SECONDS = 30.0
_BACKSTOP_SECONDS = 10.0
"""How long past the longest that a program may be there a worker may be silent before it is given up for dead."""
_MESSAGE_BYTES = 1 << 16
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from setwise.sandbox.worker import main; main()"


class BrokenWorkerError(RuntimeError):
    """A worker could not start or died; the message says why."""


class WorkerProcess:
    """One worker process and the caller's ends of its sockets."""

    def __init__(self, isolation: Isolation, limits: Limits) -> None:
        jobs, their_jobs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        verdicts, their_verdicts = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package = Path(__file__).parents[1]
        inside = Path("/opt/setwise") / package.name
        root = str((inside if isolation is Isolation.BUBBLEWRAP else package).parent)
        python = [sys._base_executable, "-s", "-S", "-P", "-c", _BOOT, root]  # type: ignore[attr-defined]
        descriptors = (their_jobs.fileno(), their_verdicts.fileno())
        command = [*python, *map(str, descriptors), isolation, limits.to_json()]
        if isolation is Isolation.BUBBLEWRAP:
            command = [*walls.bubblewrap_command(shutil.which("bwrap") or "bwrap", package, inside), *command]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PYTHONHASHSEED": "0"},  # sets are in the same order in every run
            pass_fds=descriptors,
            start_new_session=True,
        )
        their_jobs.close()
        their_verdicts.close()
        self._jobs = jobs
        self.verdicts = verdicts
        self.job: int | None = None
        """Index of the job it is at."""
        self._number = 0
        self.deadline = 0.0

    def wait_until_ready(self) -> None:
        """Wait for the first checker to stand in its namespaces.

        Raises:
            BrokenWorkerError: it does not; the message says what is not allowed.
        """
        self.verdicts.settimeout(_START_SECONDS)
        try:
            self.read()
        except TimeoutError:
            raise BrokenWorkerError(f"no worker within {_START_SECONDS:g} s") from None

    def hand(self, index: int, job: Job, wall_seconds: float) -> None:
        """Give the worker its next job."""
        self.job = index
        self._number += 1
        longest = PATIENCE * wall_seconds + _BACKSTOP_SECONDS
        self.deadline = time.monotonic() + longest
        self._jobs.settimeout(longest)
        with contextlib.suppress(OSError):  # `read` or the deadline will find it dead
            self._jobs.sendall(channel.pack({"program": job.program, "tests": job.tests, "setup": job.setup}))

    def read(self) -> dict[str, Any] | None:
        """The worker's next message; None for a late word on an earlier job.

        Raises:
            BrokenWorkerError: it has died or says that it cannot work.
        """
        try:
            data = self.verdicts.recv(_MESSAGE_BYTES)
        except ConnectionResetError:
            data = b""
        message: dict[str, Any] = json.loads(data) if data else {"broken": self._last_words()}
        if "broken" in message:
            raise BrokenWorkerError(message["broken"])
        return message if message.get("number", self._number) == self._number else None

    def _last_words(self) -> str:
        self._process.kill()
        lines = (self._process.communicate()[1] or b"").decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), f"exit code {self._process.returncode}")

    def close(self) -> None:
        """Hang up: the worker, and whatever runs in it, ends by itself; after a second it is killed."""
        self._jobs.close()
        self.verdicts.close()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


@dataclass
class _Batch:
    """The jobs of one call by index: those that wait for a worker, and the verdicts so far."""

    jobs: Sequence[Job]
    isolation: Isolation
    waiting: deque[int]
    results: dict[int, Result] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    """Jobs whose worker was lost, through their own doing or not; each gets one other worker."""

    def hand_next(self, worker: WorkerProcess, limits: Limits) -> None:
        """Give `worker` the next job."""
        index = self.waiting.popleft()
        worker.hand(index, self.jobs[index], limits.wall_seconds)

    def take(self, index: int, message: dict[str, Any]) -> None:
        """Note a worker's verdict."""
        self.results[index] = Result(
            Status(message["status"]),
            message["detail"],
            message.get("failed_test"),
            message.get("seconds", 0.0),
            self.isolation,
        )

    def lose(self, index: int, reason: str) -> None:
        """Let the job wait for another worker; the second time it is refused, for nobody has judged it."""
        if index in self.lost:
            detail = f"sandbox worker lost twice: {reason}"
            self.results[index] = Result(Status.REFUSED, detail, isolation=self.isolation)
        else:
            self.lost.add(index)
            self.waiting.append(index)


class Pool:
    """Workers with one isolation and one set of limits. One call runs at a time; further callers wait."""

    def __init__(self, isolation: Isolation, limits: Limits, size: int) -> None:
        self._isolation = isolation
        self._limits = limits
        self._size = size
        self._workers: list[WorkerProcess] = []
        self._lock = threading.Lock()

    def run(self, jobs: Sequence[Job]) -> list[Result]:
        """The verdicts on `jobs`, in their order; refused where no worker can be started."""
        with self._lock:
            batch = _Batch(jobs, self._isolation, deque(range(len(jobs))))
            while batch.waiting:
                try:
                    self._start(min(self._size, len(batch.waiting)))
                except BrokenWorkerError as error:
                    refused = Result(Status.REFUSED, f"no sandbox: {error}", isolation=self._isolation)
                    batch.results |= dict.fromkeys(batch.waiting, refused)
                    break
                self._drain(batch)
            return [batch.results[index] for index in range(len(jobs))]

    def start(self) -> None:
        """Start one worker, if there is none.

        Raises:
            BrokenWorkerError: this isolation is not to be had here; the message says why.
        """
        with self._lock:
            self._start(1)

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            while self._workers:
                self._workers.pop().close()

    def _start(self, size: int) -> None:
        new = [WorkerProcess(self._isolation, self._limits) for _ in range(size - len(self._workers))]
        try:
            for worker in new:
                worker.wait_until_ready()
        except BrokenWorkerError:
            for worker in new:
                worker.close()
            raise
        self._workers += new

    def _drain(self, batch: _Batch) -> None:
        """Hand out jobs until all are done, or until one waits for a worker in the place of one that died."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                worker.job = None  # what an interrupted call left is answered with an older number, and passed over
                selector.register(worker.verdicts, selectors.EVENT_READ, worker)
                if batch.waiting:
                    batch.hand_next(worker, self._limits)
            while busy := [worker for worker in self._workers if worker.job is not None]:
                left = min(worker.deadline for worker in busy) - time.monotonic()
                ready = [key.data for key, _ in selector.select(max(0.0, left))]
                late = [worker for worker in busy if worker.deadline < time.monotonic() and worker not in ready]
                for worker in ready + late:
                    self._collect(worker, batch, worker in late)
                    if worker not in self._workers:
                        selector.unregister(worker.verdicts)
                        worker.close()
                    elif batch.waiting and worker.job is None:
                        batch.hand_next(worker, self._limits)

    def _collect(self, worker: WorkerProcess, batch: _Batch, late: bool) -> None:
        """Take a worker's verdict on its job; a worker that died or does not answer is struck off."""
        try:
            if late:
                raise BrokenWorkerError("its worker did not answer")
            message = worker.read()
        except BrokenWorkerError as error:
            self._workers.remove(worker)
            if worker.job is not None:
                batch.lose(worker.job, str(error))
        else:
            if message and worker.job is not None:
                batch.take(worker.job, message)
                worker.job = None
