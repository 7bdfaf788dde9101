"""Taking releases of a small question-answering set, with the real stages prepare and validate."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.refresh_data import NewRelease, refresh_data
from setwise.recipes import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
DOMAIN = {"name": "qa", "train": "raw/capitals/train.jsonl", "test": "raw/capitals/test.jsonl"}
PLACES = ["Paris", "Rome", "Oslo", "Lima", "Cairo"]

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.operations]


def release(folder, prefix: str, revision: str, answers: list[str]) -> NewRelease:
    folder.mkdir()
    for split in ("train", "test"):
        rows = [
            {"question": f"{prefix} {split} {n}: capital of country {n}?", "answer": answers[n % len(answers)]}
            for n in range(100)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return NewRelease(
        dataset="capitals", files=str(folder), source="example.org/capitals", revision=revision, licence="CC0-1.0"
    )


@pytest.fixture
def workspace(project):
    params = read_recipe("clinic", RECIPES).params.model_dump(mode="json") | {"domain": DOMAIN}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    (project.root / ".gitignore").write_text(".prefect/\n")
    return project.root


def git(workspace, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    subprocess.run(["git", *identity, *arguments], cwd=workspace, check=True, capture_output=True)


def test_a_first_release_is_taken_with_where_it_comes_from(workspace, tmp_path):
    state = refresh_data(release(tmp_path / "v1", "v1", "1.0", PLACES), workspace=str(workspace), return_state=True)
    assert state.is_completed(), state.message
    tracked = yaml.safe_load((workspace / "raw" / "capitals.dvc").read_text())
    assert tracked["outs"][0]["path"] == "capitals"
    assert {name: tracked["meta"][name] for name in ("source", "revision", "licence")} == {
        "source": "example.org/capitals",
        "revision": "1.0",
        "licence": "CC0-1.0",
    }
    assert len(tracked["meta"]["sha256"]) == 64


def test_going_back_to_an_older_version_is_two_commands(workspace, tmp_path):
    data = workspace / "raw" / "capitals" / "train.jsonl"
    refresh_data(release(tmp_path / "v1", "v1", "1.0", PLACES), workspace=str(workspace))
    git(workspace, "add", "--all")
    git(workspace, "commit", "--message=v1")
    first = data.read_text()
    refresh_data(release(tmp_path / "v2", "v2", "2.0", PLACES), workspace=str(workspace))
    assert data.read_text() != first

    git(workspace, "checkout", "HEAD", "--", "raw/capitals.dvc")
    subprocess.run([sys.executable, "-m", "dvc", "checkout", "--quiet", "raw/capitals.dvc"], cwd=workspace, check=True)
    assert data.read_text() == first


def test_a_release_that_fails_validation_is_refused_and_nothing_is_touched(workspace, tmp_path):
    refresh_data(release(tmp_path / "v1", "v1", "1.0", PLACES), workspace=str(workspace))
    before = {path: path.read_bytes() for path in (workspace / "raw").rglob("*") if path.is_file()}
    broken = release(tmp_path / "v2", "v2", "2.0", PLACES)
    with (tmp_path / "v2" / "train.jsonl").open("a") as rows:
        rows.write('{"question": "no answer here"}\n')
    state = refresh_data(broken, workspace=str(workspace), return_state=True)
    assert state.is_failed()
    assert state.message.startswith("capitals: prepare: ")
    assert "answer" in state.message
    assert {path: path.read_bytes() for path in (workspace / "raw").rglob("*") if path.is_file()} == before


def test_drift_is_reported_with_its_figures_and_can_be_refused(workspace, tmp_path):
    refresh_data(release(tmp_path / "v1", "v1", "1.0", PLACES), workspace=str(workspace))
    shifted = release(tmp_path / "v2", "v2", "2.0", ["Quito", "Quito", "Quito", "Lima"])
    state = refresh_data(shifted, on_drift="refuse", workspace=str(workspace), return_state=True)
    assert state.name == "Refused"
    drifted = {drift.what for drift in state.result(raise_on_failure=False) if drift.drifted}
    assert {"labels", "labels never seen before"} <= drifted
    assert "1.0" in (workspace / "raw" / "capitals.dvc").read_text()
    assert refresh_data(shifted, workspace=str(workspace), return_state=True).is_completed()
    assert "2.0" in (workspace / "raw" / "capitals.dvc").read_text()


def test_a_release_whose_name_only_begins_like_that_of_the_data_in_use_is_refused(workspace, tmp_path):
    given = release(tmp_path / "v1", "v1", "1.0", PLACES).model_copy(update={"dataset": "capital"})
    state = refresh_data(given, workspace=str(workspace), return_state=True)
    assert state.message == "params.yaml: domain: reads nothing under raw/capital; point it there first"
    assert not (workspace / "raw").exists()


def test_a_release_whose_links_lead_out_of_its_folder_is_refused(workspace, tmp_path):
    given = release(tmp_path / "v1", "v1", "1.0", PLACES)
    (tmp_path / "private").write_text("a secret")
    (tmp_path / "v1" / "notes.txt").symlink_to(tmp_path / "private")
    state = refresh_data(given, workspace=str(workspace), return_state=True)
    assert state.is_failed()
    assert "notes.txt: a link that leads out of the folder" in state.message
    assert not (workspace / "raw").exists()


def test_a_release_is_not_written_through_a_link(workspace, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (workspace / "raw").mkdir()
    (workspace / "raw" / "capitals").symlink_to(tmp_path / "elsewhere")
    state = refresh_data(release(tmp_path / "v1", "v1", "1.0", PLACES), workspace=str(workspace), return_state=True)
    assert state.is_failed()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dataset": "../outside"}, "dataset"),
        ({"dataset": "/outside"}, "dataset"),
        ({"dataset": ".."}, "dataset"),
        ({"licence": " "}, "licence"),
        ({"files": "nowhere"}, "files"),
        ({"source": "https://someone:planted@example.org/capitals"}, "source"),
    ],
)
def test_a_release_without_a_name_a_licence_or_files_or_with_a_password_is_refused(workspace, tmp_path, change, named):
    given = release(tmp_path / "v1", "v1", "1.0", PLACES).model_copy(update=change)
    state = refresh_data(given, workspace=str(workspace), return_state=True)
    assert state.is_failed()
    assert state.message.startswith(f"{named}: ")
    assert "planted" not in state.message
    assert not (workspace / "raw").exists()
