"""Run programs on their tests: the sandbox's two functions for callers, and the choice of isolation."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import threading
from collections.abc import Sequence

from setwise.errors import InputError
from setwise.sandbox import walls
from setwise.sandbox.job import Isolation, Job, Limits, Result, Status
from setwise.sandbox.pool import BrokenWorkerError, Pool

_REMEDY = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; in a "
    "container, seccomp and CAP_SYS_ADMIN) or install bubblewrap; allow_unsandboxed=True runs programs you trust"
)
_POOLS: dict[tuple[int, Isolation, Limits, int], Pool] = {}
"""Workers are kept between calls, which start in a tenth of a second; a forked process makes its own."""
_LOCK = threading.Lock()
_LOG = logging.getLogger(__name__)


def run_programs(
    jobs: Sequence[Job],
    limits: Limits | None = None,
    isolation: Isolation | str = "auto",
    workers: int | None = None,
    allow_unsandboxed: bool = False,
) -> list[Result]:
    """Run each program on its tests, each in a process and in namespaces of its own, several at a time.

    Whatever a program does becomes its result, never an exception. Safe to call from any thread.

    Args:
        jobs: programs with their tests.
        limits: what each may use; the defaults suit short programs.
        isolation: `auto`, or one to insist on: `bubblewrap`, `namespaces`, `none`.
        workers: how many run at a time; default, one for each core that this process may use.
        allow_unsandboxed: run even where there is no isolation.

    Returns:
        One result for each job, in the same order; all refused where the isolation is not to be had.

    Raises:
        InputError: an unknown isolation, or no worker.
    """
    limits = limits or Limits()
    size = workers if workers is not None else len(os.sched_getaffinity(0))
    if size < 1:
        raise InputError(f"sandbox workers={size}: must be at least 1")
    chosen, reason = _choose(_read_isolation(isolation))
    if chosen is Isolation.NONE and not allow_unsandboxed:
        return [Result(Status.REFUSED, reason)] * len(jobs)
    judged = [index for index, job in enumerate(jobs) if job.tests]
    results = [Result(Status.REFUSED, "no tests", isolation=chosen)] * len(jobs)
    for index, result in zip(judged, _pool(chosen, limits, size).run([jobs[i] for i in judged]), strict=True):
        results[index] = result
    return results


def run_program(job: Job, limits: Limits | None = None, isolation: Isolation | str = "auto") -> Result:
    """Run one program on its tests; see `run_programs`."""
    return run_programs([job], limits, isolation)[0]


def detect_isolation(isolation: Isolation | str = "auto", allow_unsandboxed: bool = False) -> Isolation:
    """Which isolation programs get here, found by starting a worker in it.

    Raises:
        InputError: the isolation asked for, or with `auto` any, is not to be had; the message says why and what to do.
    """
    chosen, reason = _choose(_read_isolation(isolation))
    if chosen is Isolation.NONE and not allow_unsandboxed:
        raise InputError(reason)
    return chosen


def _read_isolation(isolation: Isolation | str) -> Isolation | None:
    if isolation == "auto":
        return None
    try:
        return Isolation(isolation)
    except ValueError:
        known = ", ".join(("auto", *Isolation))
        raise InputError(f"unknown sandbox isolation {isolation!r}: use one of {known}") from None


@functools.cache
def _choose(asked: Isolation | None) -> tuple[Isolation, str]:
    """The isolation to use, and, where it is none, why."""
    if asked is Isolation.NONE:
        return Isolation.NONE, f"untrusted code is not run with isolation 'none': {_REMEDY}"
    if hidden := walls.hidden_interpreter():
        return Isolation.NONE, f"untrusted code is not run without isolation: {hidden}"
    reasons = []
    for isolation in [asked] if asked else [Isolation.BUBBLEWRAP, Isolation.NAMESPACES]:
        problem = _probe(isolation)
        if problem is None:
            return isolation, ""
        reasons.append(f"{isolation}: {problem}")
    return Isolation.NONE, f"untrusted code is not run without isolation ({'; '.join(reasons)}): {_REMEDY}"


def _probe(isolation: Isolation) -> str | None:
    """Why `isolation` is not to be had here, or None where a worker starts in it."""
    if isolation is Isolation.BUBBLEWRAP and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    pool = Pool(isolation, Limits(), 1)
    try:
        pool.start()
    except BrokenWorkerError as error:
        return str(error)
    finally:
        pool.close()
    return None


def _pool(isolation: Isolation, limits: Limits, size: int) -> Pool:
    with _LOCK:
        key = (os.getpid(), isolation, limits, size)
        if key not in _POOLS:
            if isolation is Isolation.NONE:
                _LOG.warning("programs run without isolation, as allow_unsandboxed says: they can do what you can")
            _POOLS[key] = Pool(*key[1:])
        return _POOLS[key]


@atexit.register
def _close_pools() -> None:
    for (process, *_), pool in _POOLS.items():
        if process == os.getpid():
            pool.close()
