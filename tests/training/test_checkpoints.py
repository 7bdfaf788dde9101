"""A checkpoint is whole, or passed over with a word on what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from setwise.training.checkpoints import (
    Progress,
    damage,
    discard,
    kept_weights,
    newest_whole,
    read_progress,
    seal,
    step_of,
    write_progress,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of steps 8, 9 and 10, all whole."""
    for step in (8, 9, 10):
        checkpoint = tmp_path / f"checkpoint-{step}"
        (checkpoint / "deeper").mkdir(parents=True)
        (checkpoint / "model.safetensors").write_bytes(bytes(range(256)) * step)
        (checkpoint / "deeper" / "rng.pth").write_bytes(b"state")
        seal(checkpoint)
    return tmp_path


def test_the_newest_is_the_one_with_the_highest_step(folder: Path) -> None:
    newest = newest_whole(folder)
    assert newest is not None
    assert step_of(newest) == 10


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert newest_whole(tmp_path) is None


def remove(name: str) -> Callable[[Path], None]:
    return lambda checkpoint: (checkpoint / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def harm(checkpoint: Path) -> None:
        (checkpoint / name).write_bytes(content)

    return harm


HARMS = {
    "it was not finished": remove("manifest.json"),
    "manifest.json is not readable": write("manifest.json", b'{"model.safetens'),
    "model.safetensors is missing": remove("model.safetensors"),
    "model.safetensors is not what was written": write("model.safetensors", bytes(range(256)) * 9),
    "deeper/rng.pth is not what was written": write("deeper/rng.pth", b""),
}


@pytest.mark.parametrize("said", HARMS)
def test_a_damaged_newest_is_named_removed_and_passed_over(
    said: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    HARMS[said](folder / "checkpoint-10")
    assert damage(folder / "checkpoint-10") == said
    assert newest_whole(folder) == folder / "checkpoint-9"
    assert f"checkpoint-10: {said}; falling back to the one before" in caplog.text
    assert not (folder / "checkpoint-10").exists()


@pytest.mark.parametrize("content", [b"[]", b"null", b'"text"', b"\xff\xfe"])
def test_a_manifest_that_is_no_list_of_digests_is_damage(content: bytes, folder: Path) -> None:
    (folder / "checkpoint-10" / "manifest.json").write_bytes(content)
    assert damage(folder / "checkpoint-10") == "manifest.json is not readable"


def test_damage_to_all_leaves_none(folder: Path) -> None:
    for checkpoint in folder.glob("checkpoint-*"):
        (checkpoint / "model.safetensors").unlink()
    assert newest_whole(folder) is None


def test_a_folder_that_is_removed_is_away_from_its_place_before_any_of_it_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, **_: object) -> None:
        if path.exists():
            raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    training = folder.rename(folder.with_name("rlcr_multi"))
    with pytest.raises(KeyboardInterrupt):
        discard(training)
    monkeypatch.undo()
    assert not training.exists()
    discard(training)
    assert not list(training.parent.glob(".*"))


@pytest.fixture
def scored(folder: Path) -> Path:
    """The same checkpoints; that of step 8 scored best and keeps its weights, and 9 and 10 know of it."""
    kept_weights(folder, 8).mkdir(parents=True)
    (kept_weights(folder, 8) / "model.safetensors").write_bytes(b"the best")
    for step in (8, 9, 10):
        (folder / f"checkpoint-{step}" / "manifest.json").unlink()
        write_progress(folder / f"checkpoint-{step}", Progress(8, 0.5))
        seal(folder / f"checkpoint-{step}")
    return folder


def test_a_checkpoint_knows_what_was_best_so_far(scored: Path) -> None:
    assert read_progress(newest_whole(scored)) == Progress(8, 0.5)
    assert read_progress(None) == Progress()


def test_the_best_weights_of_a_damaged_checkpoint_are_good_as_long_as_they_are_whole(scored: Path) -> None:
    (scored / "checkpoint-8" / "model.safetensors").write_bytes(b"")
    assert newest_whole(scored) == scored / "checkpoint-10"


def test_a_checkpoint_whose_best_weights_are_lost_is_passed_over(
    scored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (kept_weights(scored, 8) / "model.safetensors").write_bytes(b"")
    assert newest_whole(scored) is None
    said = "its best weights are those of step 8, and there kept/weights/model.safetensors is not what was written"
    assert f"checkpoint-10: {said}; falling back to the one before" in caplog.text
