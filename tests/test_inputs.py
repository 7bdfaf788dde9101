"""The files from outside that the params name are known by their keys."""

import pytest
from smoke_workspace import PARAMS, REPOSITORY

from setwise.inputs import data_files, missing_data
from setwise.params import load_params, validate_params


def test_a_world_that_is_generated_names_no_file() -> None:
    params = validate_params(PARAMS, "params.yaml")
    assert data_files(params) == {}
    assert missing_data(params) is None


def test_every_file_of_a_release_is_known_by_its_key() -> None:
    params = load_params(REPOSITORY / "recipes" / "ddxplus-tiny.yaml")
    assert set(data_files(params)) == {f"domain.{key}" for key in ("train", "extra_train", "evidences", "conditions")}


@pytest.mark.parametrize(("hub", "named"), [("./rows", {"domain.train": "./rows"}), ("owner/name", {})])
def test_a_folder_in_the_hub_s_format_is_a_file_and_a_dataset_of_the_hub_is_none(
    hub: str, named: dict[str, str]
) -> None:
    domain = {"name": "qa", "train": {"hub": hub}, "question": "text", "answer": "label"}
    assert data_files(validate_params({**PARAMS, "domain": domain}, "params.yaml")) == named
