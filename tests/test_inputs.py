"""The files from outside that the params name are known by their keys."""

import json
import shutil
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


@pytest.fixture
def of_a_file(bare_workspace: Workspace) -> Workspace:
    """A workspace whose rows lie outside `raw/`, under DVC."""
    domain = {"name": "qa", "train": "rows.jsonl", "question": "text", "answer": "label", "test_size": 2}
    bare_workspace.set(domain=domain)
    assert bare_workspace.command("dvc", "init", "--quiet", "--no-scm").code == 0
    return bare_workspace


def write(workspace: Workspace, *answers: str, name: str = "rows") -> None:
    rows = [f'{{"text": "Which is number {i}?", "label": "{answer}"}}\n' for i, answer in enumerate(answers)]
    (workspace.root / f"{name}.jsonl").write_text("".join(rows))


def prepare(workspace: Workspace) -> str:
    """Look for replaced files, then have DVC prepare; what both say."""
    noted = workspace.python("-m", "pipelines.inputs")
    made = workspace.command("dvc", "repro", "prepare")
    assert (noted.code, made.code) == (0, 0), (noted, made)
    return noted.out + made.out


def test_a_file_that_was_replaced_under_its_name_is_prepared_again_and_the_earlier_one_restored(
    of_a_file: Workspace,
) -> None:
    write(of_a_file, "a", "b", "c", "d")
    assert "Running stage 'prepare'" in prepare(of_a_file)
    first = of_a_file.outputs()
    assert "didn't change, skipping" in prepare(of_a_file)
    write(of_a_file, "a", "b", "c", "e")
    assert "note: domain.train: the file was replaced" in of_a_file.python("-m", "setwise.cli", "check").out
    said = prepare(of_a_file)
    assert "domain.train: the file was replaced" in said
    assert "Running stage 'prepare'" in said
    assert of_a_file.outputs() != first
    write(of_a_file, "a", "b", "c", "d")
    assert "is cached - skipping run" in prepare(of_a_file)
    assert of_a_file.outputs() == first


def test_what_was_prepared_from_a_file_that_is_away_stays_as_it_is(of_a_file: Workspace) -> None:
    write(of_a_file, "a", "b", "c", "d")
    prepare(of_a_file)
    (of_a_file.root / "rows.jsonl").unlink()
    shutil.rmtree(of_a_file.root / "data")
    assert "is cached - skipping run" in prepare(of_a_file)


def test_files_in_raw_and_those_of_other_params_are_not_noted(of_a_file: Workspace) -> None:
    write(of_a_file, "a", "b", "c", "d")
    prepare(of_a_file)
    outside = of_a_file.root / "raw" / "outside.json"
    assert list(json.loads(outside.read_text())) == ["domain.train"]
    write(of_a_file, "a", "b", "c", "d", name="raw/rows")
    of_a_file.set(domain__train="raw/rows.jsonl")
    assert of_a_file.python("-m", "pipelines.inputs").code == 0
    assert not outside.exists()


def test_a_key_that_names_another_file_by_now_is_left_to_dvc(of_a_file: Workspace) -> None:
    write(of_a_file, "a", "b", "c", "d")
    write(of_a_file, "a", "b", "c", "e", name="others")
    assert of_a_file.run("prepare").code == 0
    of_a_file.set(domain__train="others.jsonl")
    assert of_a_file.python("-m", "pipelines.inputs").out == ""
