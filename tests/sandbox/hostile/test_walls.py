"""Files, the environment, rights, processes and the network of this machine are out of reach."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from trial import RIGHT, TEST

from setwise.sandbox import Limits, Status


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
