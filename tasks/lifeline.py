"""Run a command that never outlives whoever started it: the command's whole process group ends when the starter does.

The starter calls :func:`start`; this file then runs as a small program of its own between the starter and the command
(standard library only, so that it starts in milliseconds). It holds the read end of a pipe whose write end only the
starter has: when the starter dies, in whatever way, the pipe closes and the group is stopped.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def start(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: int) -> "subprocess.Popen[bytes]":
    """Start ``command`` in a session of its own, stdout and stderr going to ``output`` (a file descriptor or PIPE).

    The returned process's exit code is the command's (``-N`` if signal N ended it). Its ``stdin`` is the lifeline: keep
    it open; closing it stops the group.
    """
    return subprocess.Popen(
        [sys.executable, "-S", "-E", str(Path(__file__).resolve()), *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def release(process: "subprocess.Popen[bytes]") -> None:
    """Let go of the lifeline: the group of a process from :func:`start` is asked to end, then killed after a grace."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Let go of the lifeline and wait until the group has ended."""
    release(process)
    try:
        process.wait(GRACE_SECONDS + 2)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()


def kill_group(group: int) -> None:
    """Kill every process of a group that :func:`start` made; an empty group is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _reap(child: int) -> tuple[int | None, bool]:
    """Collect ended descendants: the child's exit code if it has ended, and whether any descendant still runs."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code, False
        if pid == 0:
            return code, True
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def _watch(child: int, wake: int) -> int:
    """Return the child's exit code; does not return once a stop was asked for: the group ends, this process with it."""
    code: int | None = None
    deadline: float | None = None
    while True:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([wake] if deadline is not None else [wake, 0], [], [], timeout)
        caught = os.read(wake, 256) if wake in ready else b""
        ended, busy = _reap(child)
        code = ended if ended is not None else code
        if deadline is None and code is not None:
            return code
        if deadline is None and ((0 in ready and not os.read(0, 1)) or signal.SIGTERM in caught):
            deadline = time.monotonic() + GRACE_SECONDS
            os.killpg(0, signal.SIGTERM)
        elif deadline is not None and (not busy or time.monotonic() >= deadline):
            os.killpg(0, signal.SIGKILL)


def _main(command: list[str]) -> int:
    wake, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # The parent-death signal follows the thread that forks; this program has one thread, so it means this process.
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    )
    code = _watch(child.pid, wake)
    os.killpg(0, signal.SIGTERM)  # daemons the command left behind; this process catches the signal and goes on
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
