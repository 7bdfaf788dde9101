"""A workspace in a folder of any name: it works there, or is refused at once, and nothing is written elsewhere."""

from pathlib import Path

import pytest
from smoke_workspace import Workspace, make_workspace

from setwise.errors import InputError
from setwise.tracking import get_client, get_experiment
from setwise.tracking_store import require_usable
from tasks.dag import read_dag
from tasks.leaderboard import tracking_uri

ODD = """a b#c%20d%e'f"g&h;i[j]k*l$m$PREFECT_HOME~n@o:p+q=r\\s`t|é日"""
"""Means something to a shell, an address, a pattern or a template."""
MISREAD = ["what?", "a${domain.name}b", "a{b", "a}b", "a?b/workspace"]


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("name", MISREAD)
def test_a_path_that_is_misread_is_refused_with_the_remedy(name: str, tmp_path: Path) -> None:
    workspace = tmp_path / name
    workspace.mkdir(parents=True)
    before = _files(tmp_path)
    for use in (require_usable, get_client, tracking_uri, read_dag):
        with pytest.raises(InputError, match=r"this path holds '[?{}]', w.*; move to a folder without \?, \{, \}$"):
            use(workspace)
    assert _files(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("what?", ["pipelines.prepare"]),
        ("a${domain.name}b", ["setwise.cli", "check"]),
        ("what?", ["flows.rebuild"]),
        ("a${domain.name}b", ["flows.services", "up"]),
    ],
)
def test_every_command_refuses_it_at_once_in_one_line(name: str, command: list[str], tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / name)
    before = _files(tmp_path)
    ended = workspace.python("-m", *command, PREFECT_HOME=str(workspace.root / ".prefect"))
    [line] = ended.err.strip().splitlines()
    assert ended.code == 2
    assert f"{workspace.root}: this path holds " in line
    new = {file for file in _files(tmp_path) - before if "__pycache__" not in file}
    assert new <= {f"{name}/.prefect"}  # Prefect makes it when it is imported


def test_any_other_name_of_a_folder_is_tracked_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    workspace = tmp_path / ODD
    workspace.mkdir()
    client = get_client(workspace)
    run = client.create_run(get_experiment(client, "clinic", workspace))
    (tmp_path / "file.txt").write_text("kept")
    client.log_artifact(run.info.run_id, str(tmp_path / "file.txt"), "folder")
    assert [file.path for file in client.list_artifacts(run.info.run_id, "folder")] == ["folder/file.txt"]
    assert {path.name for path in tmp_path.iterdir()} == {"file.txt", ODD}
    assert tracking_uri(workspace) == f"sqlite:///{workspace}/mlruns/mlflow.db"
    assert (workspace / "mlruns" / "mlflow.db").is_file()
    assert [path.read_text() for path in (workspace / "mlruns" / "artifacts").rglob("file.txt")] == ["kept"]


def test_any_other_name_of_a_folder_is_prepared_in(tmp_path: Path) -> None:
    workspace: Workspace = make_workspace(tmp_path / ODD)
    workspace.set(domain__train_size=100, domain__test_size=10)
    assert workspace.python("-m", "setwise.cli", "check").code == 0
    assert workspace.run("prepare").code == 0
    assert (workspace.root / "data" / "clinic" / "prepared.json").is_file()
