"""Stage `prepare`: the same bytes for the same seed, splits that share no question, all of it or nothing."""

import json

from smoke_workspace import Workspace

from setwise.domains.base import question_content
from setwise.domains.parquet import read_examples


def data(workspace: Workspace) -> dict[str, bytes]:
    return {name: content for name, content in workspace.outputs().items() if name.startswith("data/")}


def test_the_same_seed_gives_the_same_bytes(warm_workspace: Workspace, bare_workspace: Workspace) -> None:
    assert bare_workspace.run("prepare").code == 0
    assert data(bare_workspace) == data(warm_workspace)


def test_another_seed_gives_other_questions(warm_workspace: Workspace, bare_workspace: Workspace) -> None:
    bare_workspace.set(seed=1)
    assert bare_workspace.run("prepare").code == 0
    name = "data/clinic/test.parquet"
    assert data(bare_workspace)[name] != data(warm_workspace)[name]


def test_the_splits_are_disjoint_and_of_the_sizes_asked_for(warm_workspace: Workspace) -> None:
    folder = warm_workspace.root / "data" / "clinic"
    train, test = (
        {question_content(e.question) for e in read_examples(folder / f"{s}.parquet")} for s in ("train", "test")
    )
    assert (len(train), len(test), train & test) == (1500, 60, set())


def test_what_was_made_and_dropped_is_written_down(warm_workspace: Workspace) -> None:
    summary = json.loads((warm_workspace.root / "data" / "clinic" / "prepared.json").read_text())
    assert summary["sizes"] == {"test": 60, "train": 1500}
    assert summary["dropped"]["repeated question"] > 0


def test_a_second_run_replaces_the_folder_whole(workspace: Workspace) -> None:
    stray = workspace.root / "data" / "clinic" / "stray.txt"
    stray.write_text("left over")
    assert workspace.run("prepare").code == 0
    assert not stray.exists()
    assert not list((workspace.root / "data").glob(".*.writing"))
