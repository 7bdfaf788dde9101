"""A command that names a password in its output: the line that goes on is without it."""

import subprocess
import sys

from tasks.stages import RunningStages, run_command

PASSWORD = "planted-password"


def test_a_remote_that_cannot_be_reached_is_named_without_its_password(project, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "planted-token")
    dvc = [sys.executable, "-m", "dvc"]
    remote = f"http://someone:{PASSWORD}@127.0.0.1:9/store"
    for arguments in (["repro", "--quiet"], ["remote", "add", "--local", "--default", "store", remote]):
        subprocess.run([*dvc, *arguments], cwd=project.root, check=True)
    logged = []
    said = "import os, sys; sys.exit(print(os.environ['SOME_TOKEN']))"
    for command in ([*dvc, "push", "--verbose"], [sys.executable, "-c", said]):
        _, lines = run_command(command, project.root, RunningStages(), logged.append)
        assert lines
    text = "\n".join(logged)
    assert "127.0.0.1" in text
    assert PASSWORD not in text
    assert logged[-1] == "***"
