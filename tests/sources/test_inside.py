"""Data lies in the workspace or where the machine's own variables say; no path and no link leads elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from setwise.errors import InputError
from setwise.sources import HubSource, expand_path, read_rows

OUT = r"^domain\.train: \S+ lies outside the workspace; put the data under raw/, or export SETWISE_DATA="


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, beside a folder with a file that is nobody's business."""
    (tmp_path / "workspace" / "raw").mkdir(parents=True)
    (tmp_path / "private").mkdir()
    for folder in ("workspace/raw", "private"):
        (tmp_path / folder / "rows.jsonl").write_text('{"a": 1}\n')
    monkeypatch.delenv("SETWISE_REAL_DATA", raising=False)
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.mark.parametrize("path", ["raw/rows.jsonl", "./raw/../raw/rows.jsonl"])
def test_a_path_in_the_workspace_is_read(path: str, workspace: Path) -> None:
    assert len(read_rows(path, "domain.train")) == 1
    assert len(read_rows(str(workspace / path), "domain.train")) == 1


@pytest.mark.parametrize(
    "path", ["../private/rows.jsonl", "raw/../../private/rows.jsonl", "/etc/passwd", "~/.ssh/id_rsa", "/nowhere"]
)
def test_a_path_that_leads_out_is_refused_whether_or_not_something_is_there(path: str) -> None:
    with pytest.raises(InputError, match=OUT):
        read_rows(path, "domain.train")


@pytest.mark.parametrize("hub", ["../private", "/etc", "~"])
def test_a_folder_in_the_hubs_format_that_lies_outside_is_refused(hub: str) -> None:
    with pytest.raises(InputError, match=OUT):
        read_rows(HubSource(hub=hub), "domain.train")


def test_a_link_that_leads_out_is_refused(workspace: Path) -> None:
    (workspace / "raw" / "link.jsonl").symlink_to(workspace.parent / "private" / "rows.jsonl")
    (workspace / "linked").symlink_to(workspace.parent / "private")
    for path in ("raw/link.jsonl", "linked/rows.jsonl"):
        with pytest.raises(InputError, match=OUT):
            read_rows(path, "domain.train")
    with pytest.raises(InputError, match=r"raw/link\.jsonl lies outside"):
        read_rows(HubSource(hub="./raw"), "domain.train")


@pytest.fixture
def card(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], HubSource]:
    """A folder in the Hub's format whose card takes its rows from a path."""
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", workspace / "cache")
    folder = workspace / "raw" / "dataset"
    folder.mkdir()
    (folder / "own.jsonl").write_text('{"a": 1}\n')

    def write(path: str, file: str = "README.md") -> HubSource:
        data_files = f"configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: '{path}'\n"
        (folder / file).write_text(f"---\n{data_files}---\n" if file == "README.md" else data_files)
        return HubSource(hub="raw/dataset")

    return write


@pytest.mark.parametrize("path", ["../rows.jsonl", "own.jsonl", "*.jsonl", "{workspace}/raw/rows.jsonl"])
def test_a_card_may_name_files_in_the_workspace(path: str, card: Callable[[str], HubSource], workspace: Path) -> None:
    assert len(read_rows(card(path.format(workspace=workspace)), "domain.train")) == 1


@pytest.mark.parametrize(
    "path", ["../../../private/rows.jsonl", "{workspace}/../private/rows.jsonl", "../../../private/*.jsonl"]
)
def test_a_card_that_names_files_outside_is_refused(
    path: str, card: Callable[[str], HubSource], workspace: Path
) -> None:
    with pytest.raises(InputError, match=OUT):
        read_rows(card(path.format(workspace=workspace)), "domain.train")


@pytest.mark.parametrize("file", ["README.md", ".huggingface.yaml"])
@pytest.mark.parametrize("scheme", ["http", "file", "zip"])
def test_a_card_that_names_files_by_address_is_refused(
    file: str, scheme: str, card: Callable[[str, str], HubSource]
) -> None:
    with pytest.raises(InputError, match=rf"{file} takes rows from {scheme}://127\.0\.0\.1:1/rows\.jsonl; fetch that"):
        read_rows(card(f"{scheme}://127.0.0.1:1/rows.jsonl", file), "domain.train")


@pytest.mark.parametrize(
    "text", [b"r\xe9sum\xe9", b"---\na: " + b"[" * 3000 + b"\n---\n", b"---\na: 2024-99-99\n---\n"]
)
def test_a_card_that_cannot_be_read_is_named(text: bytes, card: Callable[[str], HubSource], workspace: Path) -> None:
    source = card("own.jsonl")
    (workspace / "raw" / "dataset" / "README.md").write_bytes(text)
    with pytest.raises(
        InputError, match=r"^domain\.train: raw/dataset/README\.md cannot be read \(.*\); mend the file$"
    ):
        read_rows(source, "domain.train")


def test_a_file_that_only_lies_like_one_of_dvcs_cache_is_refused(workspace: Path) -> None:
    stored = workspace.parent / "private" / "files" / "md5" / "ab" / "rows.jsonl"
    stored.parent.mkdir(parents=True)
    stored.write_text('{"a": 1}\n')
    link = stored.with_name("link.jsonl")
    link.symlink_to(stored)
    for path in (stored, link):
        with pytest.raises(InputError, match=OUT):
            read_rows(str(path), "domain.train")


def test_a_link_into_the_cache_of_dvc_is_followed(workspace: Path) -> None:
    stored = workspace.parent / "cache" / "files" / "md5" / "ab" / "cdef"
    stored.parent.mkdir(parents=True)
    stored.write_text('{"a": 1}\n')
    (workspace / "raw" / "link.jsonl").symlink_to(stored)
    assert len(read_rows("raw/link.jsonl", "domain.train")) == 1


@pytest.mark.parametrize("name", ["SETWISE_DATA", "SETWISE_REAL_DATA"])
def test_a_folder_that_the_machine_names_is_read(name: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(workspace.parent / "private"))
    (workspace / "linked").symlink_to(workspace.parent / "private")
    for path in (f"${{{name}}}/rows.jsonl", "../private/rows.jsonl", "linked/rows.jsonl"):
        assert len(read_rows(path, "domain.train")) == 1
    with pytest.raises(InputError, match=OUT):
        read_rows(f"${{{name}}}/../other/rows.jsonl", "domain.train")


@pytest.mark.parametrize("name", ["HOME", "SETWISE_WORKSPACE", "OTHER_DATA"])
def test_any_other_variable_leads_no_way_out(name: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(workspace.parent / "private"))
    with pytest.raises(InputError, match=OUT):
        expand_path(f"${{{name}}}/rows.jsonl", "domain.train")
