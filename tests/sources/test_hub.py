"""Rows through `datasets`: local folders in the Hub's format, pinned revisions, and what cannot be had."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from setwise.errors import InputError
from setwise.sources import HubSource, Location, read_rows

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of two configurations as the Hub stores it."""
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "questions"
    for config, answer in (("light", "a"), ("full", "b")):
        (root / config).mkdir(parents=True)
        for split, count in (("train", 3), ("validation", 2)):
            table = pa.Table.from_pylist([{"question": f"{split} {i}?", "answer": answer} for i in range(count)])
            pq.write_table(table, root / config / f"{split}-00000-of-00001.parquet")
    files = "".join(f"  - split: {s}\n    path: {{config}}/{s}-*\n" for s in ("train", "validation"))
    configs = "".join(f"- config_name: {c}\n  data_files:\n{files.format(config=c)}" for c in ("light", "full"))
    (root / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    return root


def test_a_config_and_split_of_a_folder_are_read(folder: Path) -> None:
    rows = read_rows(HubSource(hub=str(folder), config="full", split="validation"), "domain.test")
    assert rows.rows == [{"question": f"validation {i}?", "answer": "b"} for i in range(2)]
    assert rows.place(1) == "questions/validation row 2"


@pytest.mark.parametrize("name", ["a[b]", "a*b", "a?b", "a::b"])
def test_a_folder_whose_path_is_taken_for_a_pattern_is_named(folder: Path, name: str) -> None:
    folder.rename(folder.with_name(name))
    with pytest.raises(InputError, match=r"^domain\.train: .* in its path, which .* for a pattern; move it, or set"):
        read_rows(HubSource(hub=f"./{name}", config="light"), "domain.train")


def test_a_folder_of_any_other_name_is_read(folder: Path) -> None:
    folder.rename(folder.with_name("a b#c%20d'e\"é$x"))
    assert len(read_rows(HubSource(hub="./a b#c%20d'e\"é$x", config="light"), "domain.train")) == 3


@pytest.mark.usefixtures("folder")
def test_a_folder_may_be_named_relative_to_the_workspace() -> None:
    assert len(read_rows(HubSource(hub="questions", config="light"), "domain.train")) == 3


@pytest.mark.parametrize("change", [{"config": "heavy"}, {"split": "dev"}, {"config": None}])
def test_an_unknown_config_or_split_is_one_line(folder: Path, change: Mapping[str, Any]) -> None:
    source = HubSource.model_validate({"hub": str(folder), "config": "light", **change})
    with pytest.raises(InputError) as caught:
        read_rows(source, "domain.train")
    assert str(caught.value).startswith(f"domain.train: folder {folder} cannot be had (")
    assert "check config (" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dataset_of_the_hub_needs_a_commit() -> None:
    with pytest.raises(
        InputError, match=r"domain\.train: owner/name is no folder here, .* set domain\.train\.revision"
    ):
        read_rows(HubSource(hub="owner/name"), "domain.train")


def test_a_dataset_that_cannot_be_reached_says_what_to_do_instead(tmp_path: Path) -> None:
    code = (
        "from setwise.sources import HubSource, read_rows\n"
        f"try: read_rows(HubSource(hub='owner/name', revision='{_COMMIT}'), 'domain.train')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = run.stdout.splitlines()
    assert line.startswith("InputError domain.train: Hub dataset owner/name cannot be had (Couldn't reach")
    assert line.endswith("or without a network set domain.train to a local file of its rows")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"hub": "a/b", "revison": _COMMIT}, "revison: extra inputs are not permitted; a dataset of the Hub is"),
        ({"hub": "a/b", "revision": "main"}, "revision: string should match pattern"),
        ({"config": "light"}, "hub: field required"),
        (3, "give the path of a file, or {hub, revision, config, split}"),
        ("", "give the path of a file"),
    ],
)
def test_a_location_that_is_none_is_one_fault(value: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Location).validate_python(value)
    [error] = caught.value.errors()
    assert message in error["msg"]


def test_a_location_is_a_path_or_a_hub_dataset() -> None:
    location = TypeAdapter[Location](Location)
    assert location.validate_python("rows.jsonl") == "rows.jsonl"
    assert location.validate_python({"hub": "a/b", "revision": _COMMIT}) == HubSource(hub="a/b", revision=_COMMIT)
