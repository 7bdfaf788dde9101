"""Endless, greedy and talkative programs: each ends under its limit."""

from __future__ import annotations

import pytest
from trial import BUSY, HANGING, RIGHT, TEST

from setwise.sandbox import Limits, Status


@pytest.mark.parametrize("program", ["while True: pass", "def f(x):\n    while True: pass"], ids=["loading", "called"])
def test_an_endless_loop_runs_out_of_processor_time(judge, program):
    result = judge(program, TEST, limits=BUSY)
    assert result.status is Status.TIMED_OUT and "processor time" in result.detail


def test_an_endless_loop_says_which_test_it_hung_in(judge):
    result = judge("def f(x):\n    while x: pass\n    return 2", "assert f(0) == 2", TEST)
    assert (result.status, result.failed_test) == (Status.TIMED_OUT, 1)


def test_endless_sleep_runs_out_of_time(judge):
    result = judge("import time\ntime.sleep(1000)", TEST, limits=HANGING)
    assert result.status is Status.TIMED_OUT and result.detail == "over 1.5 s"


IGNORE_SIGNALS = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""


def test_ignoring_every_signal_does_not_outlast_the_limit(judge):
    assert judge(IGNORE_SIGNALS, TEST, limits=HANGING).status in (Status.TIMED_OUT, Status.CRASHED)


def test_a_fork_bomb_meets_the_process_limit(judge):
    result = judge("import os\nwhile True: os.fork()", TEST)
    assert result.status is Status.CRASHED and "unavailable" in result.detail


def test_a_fork_bomb_that_does_not_give_up_runs_out_of_time(judge):
    result = judge("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", TEST, limits=HANGING)
    assert not result.passed


def test_threads_count_as_processes(judge):
    program = "import threading, time\nfor _ in range(100):\n    threading.Thread(target=time.sleep, args=(9,)).start()"
    result = judge(program, TEST)
    assert result.status is Status.CRASHED and "can't start new thread" in result.detail


@pytest.mark.parametrize(
    "program",
    ["x = bytearray(10 ** 11)", "x = []\nwhile True: x.append(bytes(10 ** 7))"],
    ids=["at once", "bit by bit"],
)
def test_a_memory_bomb_meets_the_memory_limit(judge, program):
    result = judge(program, TEST)
    assert result.status is Status.CRASHED and "MemoryError" in result.detail


def test_many_processes_together_meet_the_memory_limit(judge):
    program = (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\n"
        "x = bytearray(b'x') * (100 << 20)\ntime.sleep(100)"
    )
    result = judge(program, TEST, limits=Limits(memory_bytes=256 << 20))
    assert result.status is Status.CRASHED and "memory_bytes" in result.detail


DRIBBLE = """
import os, struct, time
def f(x):
    for _ in range(6):
        if os.fork() == 0:
            time.sleep(0.5)
            block = bytearray(b"x") * (60 << 20)
            time.sleep(100)
    os.write(3, struct.pack("!I", 7 << 20) + b'{"value": "')
    while True:
        os.write(3, b"x")
"""


def test_a_program_that_answers_bit_by_bit_meets_the_memory_limit(judge):
    result = judge(DRIBBLE, TEST, limits=Limits(memory_bytes=128 << 20, wall_seconds=4.0))
    assert result.status is Status.CRASHED and "memory_bytes" in result.detail, result


MEMORY_OUTSIDE_PROCESSES = {
    "a shared mapping": "import mmap\nmmap.mmap(-1, 1 << 20)",
    "a shared mapping of the zero device": "import mmap, os\nmmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)",
    "memory files": "import os\nos.memfd_create('x')",
    "shared memory": "import ctypes\nassert ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600) >= 0",
    "a mount of its own": "import ctypes\nassert ctypes.CDLL(None).mount(b't', b'/tmp', b'tmpfs', 0, None) == 0",
    "a user namespace of its own": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "a namespace by clone": "import ctypes\nassert ctypes.CDLL(None).syscall(56, 0x10000011, 0, 0, 0, 0) >= 0",
}


@pytest.mark.parametrize("attack", MEMORY_OUTSIDE_PROCESSES.values(), ids=MEMORY_OUTSIDE_PROCESSES.keys())
def test_no_memory_is_to_be_had_beside_the_limit_by(judge, attack):
    assert judge(attack + RIGHT, TEST).status is Status.CRASHED


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_ten_gigabytes_of_output_are_cut_off(judge, stream):
    program = f"import sys\nfor _ in range(10 ** 4):\n    sys.{stream}.write('x' * 10 ** 6)"
    result = judge(program + RIGHT, TEST)
    assert result.status is Status.CRASHED and "wrote more than" in result.detail


def test_ten_gigabytes_of_files_meet_the_folder_limit(judge):
    program = "for i in range(10 ** 4):\n    open(f'/tmp/{i}', 'wb').write(bytes(10 ** 6))"
    result = judge(program + RIGHT, TEST, limits=Limits(temporary_bytes=4 << 20))
    assert result.status is Status.CRASHED and "No space left" in result.detail


def test_a_large_file_meets_the_file_limit(judge):
    result = judge("open('/tmp/x', 'wb').truncate(1 << 40)" + RIGHT, TEST)
    assert result.status is Status.CRASHED and "too large" in result.detail


def test_a_huge_value_is_not_taken(judge):
    result = judge("def f(x):\n    return 'x' * (20 << 20)", TEST)
    assert result.status is Status.CRASHED and "reply_bytes" in result.detail
