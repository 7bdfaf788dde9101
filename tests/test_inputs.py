"""The files from outside that the params name are known by their keys."""

from pathlib import Path

import pytest
from smoke_workspace import PARAMS, REPOSITORY, Workspace

from setwise.inputs import data_files, missing_data, reads_under
from setwise.params import validate_params
from setwise.recipes import read_recipe


def test_a_world_that_is_generated_names_no_file() -> None:
    params = validate_params(PARAMS, "params.yaml")
    assert data_files(params) == {}
    assert missing_data(params) is None


def test_every_file_of_a_release_is_known_by_its_key() -> None:
    params = read_recipe("ddxplus-tiny", REPOSITORY / "recipes").params
    assert set(data_files(params)) == {f"domain.{key}" for key in ("train", "extra_train", "evidences", "conditions")}


@pytest.mark.parametrize(("hub", "named"), [("./rows", {"domain.train": "./rows"}), ("owner/name", {})])
def test_a_folder_in_the_hub_s_format_is_a_file_and_a_dataset_of_the_hub_is_none(
    hub: str, named: dict[str, str]
) -> None:
    domain = {"name": "qa", "train": {"hub": hub}, "question": "text", "answer": "label"}
    assert data_files(validate_params({**PARAMS, "domain": domain}, "params.yaml")) == named


@pytest.mark.parametrize(
    ("train", "is_there"),
    [
        ("raw/ddx/train.jsonl", True),
        ("./raw//ddx/../ddx/train.jsonl", True),
        ({"hub": "raw/ddx"}, True),
        ("raw/ddxplus/train.jsonl", False),
        ("raw/ddx.jsonl", False),
        ("raw/ddx/../ddxplus/train.jsonl", False),
        ("other/raw/ddx/train.jsonl", False),
        ({"hub": "raw/ddxplus"}, False),
    ],
)
def test_a_folder_is_not_taken_for_one_whose_name_begins_like_it(train: object, is_there: bool) -> None:
    domain = {"name": "qa", "train": train, "question": "raw/ddx/", "answer": "label", "test_size": 2}
    assert reads_under(validate_params({**PARAMS, "domain": domain}, "params.yaml"), Path("raw/ddx")) is is_there


def test_a_file_that_was_replaced_under_its_name_has_the_data_prepared_again(bare_workspace: Workspace) -> None:
    rows = bare_workspace.root / "rows.jsonl"

    def write(*answers: str) -> None:
        rows.write_text("".join(f'{{"text": "Which is number {i}?", "label": "{a}"}}\n' for i, a in enumerate(answers)))

    def is_prepared() -> bool:
        return (bare_workspace.root / "data" / "qa" / "prepared.json").exists()

    domain = {"name": "qa", "train": "rows.jsonl", "question": "text", "answer": "label", "test_size": 2}
    bare_workspace.set(domain=domain)
    write("a", "b", "c", "d")
    assert bare_workspace.run("prepare").code == 0
    assert bare_workspace.python("-m", "pipelines.inputs").code == 0
    assert is_prepared()
    write("a", "b", "c", "e")
    assert "note: domain.train: the file was replaced" in bare_workspace.python("-m", "setwise.cli", "check").out
    assert "domain.train: the file was replaced" in bare_workspace.python("-m", "pipelines.inputs").out
    assert not is_prepared()
    rows.unlink()
    assert bare_workspace.python("-m", "pipelines.inputs").code == 0


def test_a_key_that_names_another_file_by_now_is_left_to_dvc(bare_workspace: Workspace) -> None:
    domain = {"name": "qa", "train": "rows.jsonl", "question": "text", "answer": "label", "test_size": 2}
    for name in ("rows", "others"):
        lines = [f'{{"text": "Which of {name} is number {i}?", "label": "a"}}\n' for i in range(4)]
        (bare_workspace.root / f"{name}.jsonl").write_text("".join(lines))
    bare_workspace.set(domain=domain)
    assert bare_workspace.run("prepare").code == 0
    bare_workspace.set(domain={**domain, "train": "others.jsonl"})
    assert bare_workspace.python("-m", "pipelines.inputs").out == ""
    assert (bare_workspace.root / "data" / "qa" / "prepared.json").exists()
