"""A release takes the place of the one before whole or not at all, and nothing is lost that no cache holds."""

import hashlib
from pathlib import Path

import pytest

from setwise.errors import InputError
from tasks.raw_data import Release, adopt


@pytest.fixture
def release(tmp_path):
    """Make a release of one file."""

    def make(content: str) -> Release:
        folder = tmp_path / f"release-{content}"
        folder.mkdir()
        (folder / "train.jsonl").write_text(content)
        return Release("capitals", folder, "example.org", content, "CC0-1.0")

    return make


def raw(project) -> dict[str, str]:
    paths = (path for path in (project.root / "raw").rglob("*") if path.is_file())
    return {path.relative_to(project.root).as_posix(): path.read_text() for path in paths}


def refuse_in_cache(project, content: str) -> None:
    """Put a file where the cache needs a folder for this content."""
    prefix = project.root / ".dvc" / "cache" / "files" / "md5" / hashlib.md5(content.encode()).hexdigest()[:2]
    prefix.parent.mkdir(parents=True, exist_ok=True)
    prefix.touch(exist_ok=False)


def test_a_release_that_dvc_does_not_take_leaves_the_one_before_and_its_record(project, release):
    adopt(project.root, release("old"))
    before = raw(project)
    refuse_in_cache(project, "new")
    with pytest.raises(InputError, match=r"raw/capitals: DVC did not take it: .*\w"):
        adopt(project.root, release("new"))
    assert raw(project) == before


def test_a_first_release_that_dvc_does_not_take_leaves_nothing(project, release):
    refuse_in_cache(project, "new")
    with pytest.raises(InputError, match="raw/capitals: DVC did not take it: "):
        adopt(project.root, release("new"))
    assert not any("capitals" in name for name in raw(project))


def test_a_release_whose_taking_was_killed_is_undone_by_the_next(project, release):
    adopt(project.root, release("old"))
    before = raw(project)
    folder: Path = project.root / "raw"
    (folder / "capitals").rename(folder / ".capitals.before")
    (folder / "capitals.dvc").rename(folder / ".capitals.dvc.before")
    (folder / "capitals").mkdir()
    refuse_in_cache(project, "new")
    with pytest.raises(InputError, match="DVC did not take it"):
        adopt(project.root, release("new"))
    assert raw(project) == before


def test_data_changed_by_hand_are_not_replaced(project, release):
    adopt(project.root, release("old"))
    changed = project.root / "raw" / "capitals" / "train.jsonl"
    changed.unlink()
    changed.write_text("by hand")
    with pytest.raises(InputError, match="raw/capitals: it is not what DVC has in its cache"):
        adopt(project.root, release("new"))
    assert changed.read_text() == "by hand"


def test_data_that_dvc_does_not_track_are_not_replaced(project, release):
    placed = project.root / "raw" / "capitals" / "train.jsonl"
    placed.parent.mkdir(parents=True)
    placed.write_text("by hand")
    with pytest.raises(InputError, match="raw/capitals: DVC does not track it, and would be lost"):
        adopt(project.root, release("new"))
    assert placed.read_text() == "by hand"
