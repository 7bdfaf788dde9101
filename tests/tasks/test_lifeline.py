import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tasks import lifeline


def start(code: str, folder: Path) -> "subprocess.Popen[bytes]":
    return lifeline.start([sys.executable, "-c", code], cwd=folder, env=os.environ, output=subprocess.PIPE)


def gone(pid: int, within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def wait_for(path: Path) -> str:
    for _ in range(600):
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} never appeared")


SLEEPER = "import os, time; open('pid', 'w').write(f'{os.getpid()}\\n'); time.sleep(600)"
# A command whose own child does the work, as DVC's does.
NESTED = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"


@pytest.mark.parametrize("code", [0, 2, 255])
def test_the_exit_code_is_the_commands(tmp_path, code):
    process = start(f"raise SystemExit({code})", tmp_path)
    assert process.wait(60) == code


def test_a_command_ended_by_a_signal_says_which(tmp_path):
    process = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert process.wait(60) == -signal.SIGKILL


def test_output_and_errors_come_through_one_pipe(tmp_path):
    process = start("import sys; print('out', flush=True); print('err', file=sys.stderr)", tmp_path)
    assert process.stdout.read() == b"out\nerr\n"


def test_stopping_ends_the_commands_own_children(tmp_path):
    process = start(NESTED, tmp_path)
    worker = int(wait_for(tmp_path / "pid"))
    lifeline.stop(process)
    assert gone(worker)


def test_a_command_that_ignores_the_request_is_killed(tmp_path, monkeypatch):
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    process = start(deaf, tmp_path)
    worker = int(wait_for(tmp_path / "pid"))
    monkeypatch.setattr(lifeline, "GRACE_SECONDS", 0.0)
    lifeline.stop(process)
    lifeline.kill_group(process.pid)
    assert gone(worker)


def test_a_command_may_finish_what_it_does_when_asked_to_end(tmp_path):
    tidy = (
        "import signal, sys, time\n"
        "def end(*_):\n    time.sleep(0.5); open('tidied', 'w').write('yes\\n'); sys.exit(0)\n"
        f"signal.signal(signal.SIGTERM, end)\n{SLEEPER}"
    )
    process = start(tidy, tmp_path)
    wait_for(tmp_path / "pid")
    lifeline.stop(process)
    assert wait_for(tmp_path / "tidied") == "yes\n"


def test_the_command_does_not_outlive_a_starter_that_is_killed(tmp_path):
    starter = (
        "import os, sys, subprocess, time; from pathlib import Path; from tasks import lifeline\n"
        f"command = [sys.executable, '-c', {NESTED!r}]\n"
        "lifeline.start(command, cwd=Path('.'), env=os.environ, output=subprocess.DEVNULL)\n"
        "time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(lifeline.__file__).parent.parent)}
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=tmp_path, env=environment)
    worker = int(wait_for(tmp_path / "pid"))
    process.kill()
    process.wait()
    assert gone(worker)
