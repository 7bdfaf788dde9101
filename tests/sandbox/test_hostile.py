"""Programs that attack: none passes, none harms, each ends under its limit. After each, the sandbox still works."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest

from setwise.sandbox import Job, Limits, Status, run_programs

HANGING = Limits(wall_seconds=1.5)
BUSY = Limits(wall_seconds=20.0, cpu_seconds=1)
TEST = "assert f(1) == 2"
WRONG = "\ndef f(x):\n    return 3\n"
RIGHT = "\ndef f(x):\n    return 2\n"


@pytest.fixture(autouse=True)
def still_works(judge):
    """Whatever was run, the next honest program passes."""
    yield
    result = judge(RIGHT, TEST)
    assert result.passed, result.detail


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


@pytest.fixture
def treasure(tmp_path):
    """A file outside that everybody may write."""
    file = tmp_path / "treasure"
    file.write_text("gold")
    file.chmod(0o666)
    tmp_path.chmod(0o777)
    return file


OUTSIDE = {
    "reading": "text = open({path!r}).read()",
    "writing": "open({path!r}, 'w').write('x')",
    "deleting": "import os\nos.remove({path!r})",
    "deleting the folder": "import shutil\nshutil.rmtree({folder!r})",
    "creating": "open({path!r} + '2', 'w').write('x')",
}


@pytest.mark.parametrize("attack", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_files_outside_are_out_of_reach_of(judge, treasure, attack):
    result = judge(attack.format(path=str(treasure), folder=str(treasure.parent)) + RIGHT, TEST)
    assert result.status is Status.CRASHED and "No such file" in result.detail
    assert treasure.read_text() == "gold" and list(treasure.parent.iterdir()) == [treasure]


def test_the_interpreter_itself_cannot_be_written(judge):
    before = Path(os.__file__).read_bytes()
    assert judge(f"open({os.__file__!r}, 'a').write('x')" + RIGHT, TEST).status is Status.CRASHED
    assert Path(os.__file__).read_bytes() == before


def test_nothing_outside_the_temporary_folder_can_be_written(judge):
    program = (
        "import os\nfound = []\nfor top, dirs, files in os.walk('/'):\n"
        "    if top.startswith(('/proc', '/usr')): dirs.clear(); continue\n"
        "    for path in [top] + [os.path.join(top, f) for f in files]:\n"
        "        if os.access(path, os.W_OK) and not path.startswith(('/tmp', '/dev/')): found.append(path)\n"
    )
    result = judge(program, "assert found == []", limits=Limits())
    assert result.passed, result.detail


def test_the_environment_is_empty(judge, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    program = "import os\nseen = dict(os.environ)\nraw = open('/proc/self/environ').read()"
    result = judge(program, "assert seen == {} and 'abc' not in raw and 'SECRET' not in raw")
    assert result.passed, result.detail


def test_proc_shows_no_process_of_this_machine(judge):
    program = "import os\npids = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())\nme = os.getpid()"
    result = judge(program, "assert pids == [1, me] and me == 2")
    assert result.passed, result.detail


@pytest.mark.parametrize("file", ["environ", "mem", "maps", "fd/0", "cwd/x", "root/x"])
def test_proc_of_the_parent_is_closed(judge, file):
    result = judge(f"open('/proc/1/{file}', 'rb').read(1)" + RIGHT, TEST)
    assert result.status is Status.CRASHED and "PermissionError" in result.detail


def test_settings_of_the_kernel_cannot_be_written(judge):
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    result = judge("open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')" + RIGHT, TEST)
    assert result.status is Status.CRASHED and Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_it_is_an_unprivileged_user_without_capabilities(judge):
    program = (
        "import os\nids = {*os.getresuid(), *os.getresgid()}\n"
        "status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())\n"
        "caps = {status[k].strip() for k in ('CapPrm', 'CapEff', 'CapInh', 'CapAmb')} | {status['NoNewPrivs'].strip()}"
    )
    result = judge(program, "assert 0 not in ids and caps == {'0' * 16, '1'}")
    assert result.passed, result.detail


@pytest.mark.parametrize("call", ["os.setuid(0)", "os.chroot('/tmp')", "os.nice(-5)", "os.setgroups([0])"])
def test_rights_cannot_be_had_back_by(judge, call):
    assert judge(f"import os\n{call}" + RIGHT, TEST).status is Status.CRASHED


@pytest.fixture
def server():
    """A server on this machine, and the connections it got."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            try:
                while True:
                    connections.append(listening.accept())
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1], connections
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_server_on_this_machine_cannot_be_reached(judge, server):
    port, connections = server
    result = judge(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)" + RIGHT, TEST)
    assert result.status is Status.CRASHED and "unreachable" in result.detail and connections == []


def test_a_unix_socket_on_this_machine_cannot_be_reached(judge):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0setwise-sandbox-test")
        listening.listen()
        program = "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0setwise-sandbox-test')"
        result = judge(program + RIGHT, TEST)
    assert result.status is Status.CRASHED and "refused" in result.detail


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET", "AF_ALG"])
def test_there_are_no_sockets_that_a_network_namespace_does_not_hold(judge, family):
    result = judge(f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)" + RIGHT, TEST)
    assert result.status is Status.CRASHED and "not implemented" in result.detail


def test_sockets_within_the_program_work(judge):
    program = (
        "import socket\na, b = socket.socketpair()\nc = socket.socket(socket.AF_INET)\n"
        "def f(x):\n    a.send(b'2')\n    return int(b.recv(1))"
    )
    assert judge(program, TEST).passed


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


ALWAYS = "\n    ".join(
    f"def __{name}__(self, *a): return True"
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "contains", "bool", "instancecheck", "subclasscheck")
)
FORGERIES = {
    "an object equal to everything": f"class E:\n    {ALWAYS}\n    __hash__ = None\ndef f(x):\n    return E()",
    "an integer equal to everything": (
        f"class E(int):\n    {ALWAYS}\n    __hash__ = int.__hash__\ndef f(x):\n    return E(7)"
    ),
    "a list of objects equal to everything": f"class E:\n    {ALWAYS}\ndef f(x):\n    return [E()]",
    "an object that is zero after any sum": (
        "class E:\n    __add__ = __sub__ = __radd__ = __rsub__ = __abs__ = lambda *a: 2\n"
        "    __eq__ = lambda *a: True\ndef f(x):\n    return E()"
    ),
    "an equal type": (
        "class M(type):\n    __eq__ = lambda *a: True\n    __hash__ = type.__hash__\n"
        "class E(metaclass=M):\n    __eq__ = lambda *a: True\ndef f(x):\n    return E()"
    ),
    "patched built-ins": (
        "import builtins\nbuiltins.AssertionError = type('E', (), {})\n"
        "builtins.exit = builtins.quit = lambda *a: None\n"
        "builtins.bool = lambda *a: True\nbuiltins.isinstance = builtins.set = lambda *a: True" + WRONG
    ),
    "a patched operator": "import operator\noperator.eq = lambda *a: True\nint.__eq__" + WRONG,
    "built-ins of its own": "__builtins__ = {}\nAssertionError = None\ndef set(*a):\n    return 1" + WRONG,
    "a printed verdict": "print('passed')\nprint('{\"status\": \"passed\"}', flush=True)" + WRONG,
    "a verdict in every descriptor": (
        "import os\nfor fd in range(256):\n"
        "    for text in (b'passed\\n', b'{\"status\":\"passed\",\"number\":1}', b's', b'r'):\n"
        "        try: os.write(fd, text)\n        except OSError: pass" + WRONG
    ),
    "replies to questions nobody asked": (
        "import os, json, struct\nfor _ in range(9):\n    b = json.dumps({'value': None}).encode()\n"
        "    os.write(3, struct.pack('!I', len(b)) + b)" + WRONG
    ),
    "a reply with code": (
        "import os, json, struct\nb = json.dumps({'value': ['function', '', None, []]}).encode()\n"
        "os.write(3, struct.pack('!I', len(b)) + b)" + WRONG
    ),
    "a reply nested too deeply": (
        "import os, struct\nb = b'[' * 10 ** 6\nos.write(3, struct.pack('!I', len(b)))\nos.write(3, b)" + WRONG
    ),
    "a patched answer": (
        "import setwise.sandbox.candidate as c, setwise.sandbox.channel as ch\nc._answer = lambda *a: {'value': True}\n"
        "ch.send = lambda *a: None" + WRONG
    ),
    "an exit in a conversion": "class E:\n    def __repr__(self): raise SystemExit\ndef f(x):\n    return E()",
    "an exception that cannot be printed": (
        "class E(Exception):\n    def __str__(self): raise E\ndef f(x):\n    raise E"
    ),
    "a traced checker": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)" + WRONG,
    "two processes that answer": "import os\nos.fork()" + WRONG,
}


@pytest.mark.parametrize("program", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_verdict_cannot_be_forged_by(judge, program):
    result = judge(program, TEST, limits=HANGING)
    assert result.status in (Status.FAILED, Status.CRASHED, Status.TIMED_OUT), result


SEARCH = r"""
import gc, re, sys
{plant}
def find(x):
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps").read().splitlines():
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        try:
            memory.seek(first)
            content = memory.read(last - first)
        except (OSError, OverflowError, ValueError):
            continue
        if found := re.search(rb"trea" rb"sure-\d+", content):
            return found[0].decode()
"""
SECRET_TEST = "assert find(1) == 'treasure-4711'"


def test_the_expected_values_are_nowhere_in_the_memory_of_a_program(isolation):
    jobs = [Job(SEARCH.format(plant=""), (SECRET_TEST,))] * 3
    results = run_programs(jobs, isolation=isolation, workers=1)
    assert [result.status for result in results] == [Status.FAILED] * 3, results


def test_that_search_finds_what_is_there(isolation):
    planted = SEARCH.format(plant="planted = 'trea' + 'sure-' + str(4711)")
    assert run_programs([Job(planted, (SECRET_TEST,))], isolation=isolation)[0].passed


COMPARISONS = {
    "equality": "assert f(1) == 2",
    "equality the other way": "assert 2 == f(1)",
    "inequality": "assert f(1) != 3",
    "order": "assert 1 < f(1)",
    "membership of": "assert f(1) in (2, 3)",
    "membership in": "assert 2 in f(1)",
    "a sum": "assert abs(f(1) - 2) < 1e-9",
    "nesting": "assert [f(1)] == [2]",
    "closeness": "import math\nassert math.isclose(f(1), 2)",
    "a set": "assert set(f(1)) == {2}",
    "a type": "assert isinstance(f(1), int)",
    "a length": "assert len(f(1)) == 2",
    "a text": "assert str(f(1)) == '2'",
}


@pytest.mark.parametrize("test", COMPARISONS.values(), ids=COMPARISONS.keys())
def test_an_object_equal_to_everything_does_not_win_by(judge, test):
    order, sums = ["eq", "ne", "lt", "le", "gt", "ge"], ["add", "sub", "radd", "rsub", "abs"]
    names = [*order, *sums, "contains", "bool", "instancecheck"]
    body = "\n    ".join(f"def __{name}__(self, *a): return True" for name in names)
    program = f"class E:\n    {body}\n    def __iter__(self): return iter([E()])\ndef f(x):\n    return E()"
    assert judge(program, test).status is Status.FAILED


@pytest.mark.parametrize("name", ["set", "sorted", "len", "abs", "math"])
def test_a_program_cannot_redefine_what_a_test_uses(judge, name):
    program = (
        f"def f(x):\n    return [3]\n{name} = type('X', (), {{'isclose': lambda *a: True, '__new__': lambda *a: 1}})"
    )
    tests = {
        "set": "assert set(f(1)) == set([2])",
        "sorted": "assert sorted(f(1)) == sorted([2])",
        "len": "assert len(f(1)) == len([1, 2])",
        "abs": "assert abs(f(1)[0]) == abs(2)",
        "math": "assert math.isclose(f(1)[0], 2)",
    }
    assert judge(program, tests[name]).status is Status.FAILED


def _processes_called(name: str) -> list[str]:
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() == name:
                found.append(comm.parent.name)
        except OSError:
            continue
    return found


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
    program = "import subprocess\nsubprocess.Popen(['/usr/bin/setsid', 'sleep', '12321'])"
    judge(program + RIGHT, TEST)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any("12321" in line for line in _command_lines()):
        time.sleep(0.02)
    assert not any("12321" in line for line in _command_lines())


def _command_lines() -> list[str]:
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text())
        except OSError:
            continue
    return lines
