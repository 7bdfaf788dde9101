"""The stage `report`, run as DVC runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from report_workspace import make_workspace

ROOT = Path(__file__).parents[2]
OUTPUTS = ("report.html", "summary.md", "metrics.json", "scores", "plots")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared")
    make_workspace(root, n=30, methods=("rlvr_single", "rlcr_multi"))
    done = run_stage(root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "workspace"))


def run_stage(workspace: Path, name: str = "report") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", f"pipelines.{name}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, check=False)


def contents(workspace: Path) -> dict[str, bytes]:
    reports = workspace / "reports"
    paths = [p for name in OUTPUTS for p in [reports / name, *sorted((reports / name).glob("*"))] if p.is_file()]
    return {str(path.relative_to(reports)): path.read_bytes() for path in paths}


def test_the_stage_writes_the_same_whole_outputs_each_time(workspace: Path) -> None:
    made = contents(workspace)
    assert {name.split("/")[0] for name in made} == set(OUTPUTS)
    assert run_stage(workspace).returncode == 0
    assert contents(workspace) == made


def test_each_row_of_scores_is_one_set_up_and_matches_the_metrics_file(workspace: Path) -> None:
    methods = json.loads((workspace / "reports" / "metrics.json").read_text())["methods"]
    for name, metrics in methods.items():
        scores = json.loads((workspace / "reports" / "scores" / f"{name.replace('/', '-')}.json").read_text())
        assert scores == {metric: entry["value"] for metric, entry in metrics.items()}


def test_the_report_is_made_without_git_and_without_a_tracking_server(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = contents(workspace)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "")
    shutil.rmtree(workspace / "mlruns", ignore_errors=True)
    done = run_stage(workspace)
    assert done.returncode == 0, done.stderr
    assert contents(workspace) == made
    assert not (workspace / "mlruns").exists()
    page = (workspace / "reports" / "report.html").read_text()
    assert "83 s" in page and "0123456789ab" in page


def test_publishing_gives_the_tracking_run_of_the_weights_the_same_files(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from setwise.params import load_params
    from setwise.tracking import WEIGHTS_TAG, start_run

    monkeypatch.chdir(workspace)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    key = json.loads(Path("reports/evaluation/rlcr_multi/one.json").read_text())["key"]
    run = start_run(load_params(), "rlcr_multi", {}, {WEIGHTS_TAG: key["weights"], "setwise.device": "cpu"})
    done = run_stage(workspace, "publish")
    assert done.returncode == 0, done.stderr
    kept = {Path(artifact.path).name for artifact in run.client.list_artifacts(run.run_id, "report")}
    assert kept == {"report.html", "summary.md", "metrics.json", "plots"}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda reports: (reports / "validation.json").unlink(), "validation.json: missing; run `dvc repro validate`"),
        (lambda reports: shutil.rmtree(reports / "evaluation" / "rlcr_multi"), "run `dvc repro judge@rlcr_multi`"),
        (lambda reports: (reports / "curves" / "rlcr_multi.jsonl").write_text("{"), "rlcr_multi.jsonl: not one JSON"),
        (
            lambda reports: (reports / "evaluation" / "rlcr_multi" / "cost.json").unlink(),
            "cost.json: missing; run `dvc repro judge@rlcr_multi`",
        ),
    ],
    ids=["no validation", "no evaluation", "torn curve", "no cost"],
)
def test_a_missing_or_damaged_input_is_one_line_and_leaves_the_last_report(workspace: Path, spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    made = contents(workspace)
    spoil(workspace / "reports")
    done = run_stage(workspace)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and words in done.stderr
    assert contents(workspace) == made
