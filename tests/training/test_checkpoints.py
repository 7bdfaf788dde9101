"""A checkpoint is whole, or passed over with a word on what is wrong with it."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise.training.checkpoints import (
    Progress,
    damage,
    discard,
    kept_weights,
    newest_whole,
    prune,
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
    assert not list(training.parent.glob(".rlcr_multi*"))


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


def save(folder: Path, step: int, progress: Progress) -> None:
    """A checkpoint as training leaves it: with the best weights where they are its own."""
    checkpoint = folder / f"checkpoint-{step}"
    (checkpoint / "deeper").mkdir(parents=True)
    for name in ("optimizer.pt", "model.safetensors", "deeper/rng.pth"):
        (checkpoint / name).write_bytes(b"%d of " % step + name.encode())
    if progress.best_step == step:
        kept_weights(folder, step).mkdir(parents=True)
        (kept_weights(folder, step) / "model.safetensors").write_bytes(b"best at %d" % step)
    write_progress(checkpoint, progress)
    seal(checkpoint)


def best_of(scores: list[int], step: int) -> Progress:
    """What training has come to at a step, the first of the best scores counting."""
    best = max(range(1, step + 1), key=lambda s: (scores[s - 1], -s))
    return Progress(best, scores[best - 1])


def sizes(folder: Path) -> dict[int, set[str]]:
    """Of each checkpoint the files that it holds."""
    return {
        step_of(path): {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
        for path in folder.glob("checkpoint-*")
    }


WHOLE = {"optimizer.pt", "model.safetensors", "deeper/rng.pth", "progress.json", "manifest.json"}
BEST = {"kept/weights/model.safetensors"}


@settings(max_examples=30)
@given(scores=st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_the_newest_two_and_the_best_weights_are_all_that_is_kept(scores: list[int]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for step in range(1, len(scores) + 1):
            save(folder, step, best_of(scores, step))
            prune(folder)
        last = len(scores)
        newest = {step for step in (last - 1, last) if step > 0}
        best = {best_of(scores, step).best_step for step in newest}
        own = {step for step in range(1, last + 1) if best_of(scores, step).best_step == step}
        expected = {step: {*BEST, "manifest.json"} for step in best}
        expected |= {step: WHOLE | (BEST if step in own else set()) for step in newest}
        assert sizes(folder) == expected
        for step in sorted(newest, reverse=True):
            assert newest_whole(folder) == folder / f"checkpoint-{step}"
            (folder / f"checkpoint-{step}" / "optimizer.pt").unlink()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("best", [1, 2, 3, 4])
def test_killed_at_any_moment_of_pruning_both_newest_checkpoints_are_good(
    tmp_path: Path, best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    removals, moment = 0, 0
    originals = {name: getattr(os, name) for name in ("unlink", "rmdir")}

    def counting(name: str) -> Callable[..., None]:
        def remove(*args: object, **kwargs: object) -> None:
            nonlocal removals
            removals += 1
            if removals > moment:
                raise Killed
            originals[name](*args, **kwargs)

        return remove

    ended = False
    while not ended:
        folder = tmp_path / str(moment)
        for step in range(1, 5):
            save(folder, step, Progress(min(step, best), 1.0))
        with monkeypatch.context() as patch:
            for name in originals:
                patch.setattr(os, name, counting(name))
            removals = 0
            try:
                prune(folder)
                ended = True
            except Killed:
                moment += 1
        left = sizes(folder)
        assert newest_whole(folder) == folder / "checkpoint-4"
        (folder / "checkpoint-4" / "optimizer.pt").unlink()
        assert newest_whole(folder) == folder / "checkpoint-3"
        assert left[3] >= WHOLE
        save(folder, 4, Progress(min(4, best), 1.0))
        prune(folder)
        assert set(sizes(folder)) == {3, 4} | {min(3, best)}, "the next time what was left is removed"
    assert moment > 5


def test_a_damaged_older_checkpoint_does_not_end_a_training(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step, Progress(step, float(step)))
    (tmp_path / "checkpoint-2" / "progress.json").write_text("{")
    prune(tmp_path)
    assert newest_whole(tmp_path) == tmp_path / "checkpoint-3"
    (tmp_path / "checkpoint-3" / "optimizer.pt").unlink()
    assert newest_whole(tmp_path) == tmp_path / "checkpoint-1"
