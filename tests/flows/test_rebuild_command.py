"""The command on a machine that has nothing but the set-up: no server, no Prefect home, no account."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import rebuild

pytestmark = pytest.mark.operations

HOUSE = Path(rebuild.__file__).parent.parent
PYTHONPATH = os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))


def run(project) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    for name in ("PREFECT_HOME", "PREFECT_API_URL"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "flows.rebuild"]
    return subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)


def test_a_run_needs_no_server_and_ends_with_the_metrics_and_where_things_are(project):
    metrics = {"methods": {"a": {"coverage@3": {"value": 0.8, "lo": 0.75, "hi": 0.85}}, "b": {"ece": {"value": 0.1}}}}
    (project.root / "reports").mkdir()
    (project.root / "reports" / "metrics.json").write_text(json.dumps(metrics))
    (project.root / "reports" / "report.html").touch()
    done = run(project)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines[1:4]] == ["metric", "coverage@3", "ece"]
    assert "0.800 [0.750, 0.850]" in lines[2]
    assert "stages: 4 ran" in done.stdout
    assert f"report: {project.root / 'reports' / 'report.html'}" in done.stdout
    assert (project.root / ".prefect" / "prefect.db").exists()

    again = run(project)
    assert "nothing to do: all 4 stages unchanged" in again.stdout
    assert "Error" not in again.stderr
    assert "http" not in again.stderr


def test_bad_input_gives_one_line_exit_code_2_and_no_traceback(project):
    project.in_every_stage("sys.exit(print('params.yaml: rate: too low; use 2', file=sys.stderr) or 2)")
    done = run(project)
    assert done.returncode == 2
    assert "prepare: params.yaml: rate: too low; use 2" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
