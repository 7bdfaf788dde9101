"""Checkpoints that are whole or not used: each carries a manifest of digests, and a damaged one is passed over.

A checkpoint that scored best so far holds its weights once more, ready to be handed over; every checkpoint notes which
one that is. So what is best is sealed, and falls back, together with the step it was best at.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from setwise.digests import file_digest

log = logging.getLogger("setwise.training")

_MANIFEST = "manifest.json"
_PROGRESS = "progress.json"
_KEPT = "kept/weights"
"""Two folders deep: transformers takes a folder in a checkpoint that holds an adapter for one more to train."""


@dataclass(frozen=True)
class Progress:
    """What a training had come to at a checkpoint.

    Attributes:
        best_step, best_score: where the held-out score was best (step 0: there is none yet).
        seconds: what training up to there took, in all the processes that had a part in it.
    """

    best_step: int = 0
    best_score: float = float("-inf")
    seconds: float = 0.0


def kept_weights(folder: Path, step: int) -> Path:
    """Where the training folder holds the weights that were best at `step`."""
    return folder / f"checkpoint-{step}" / _KEPT


def write_progress(checkpoint: Path, progress: Progress) -> None:
    """Note what training had come to at a checkpoint that is not sealed yet."""
    (checkpoint / _PROGRESS).write_text(json.dumps(asdict(progress)), encoding="utf-8")


def read_progress(checkpoint: Path | None) -> Progress:
    """What training had come to at a whole checkpoint; nothing yet where there is none."""
    path = checkpoint / _PROGRESS if checkpoint else None
    if path is None or not path.exists():
        return Progress()
    return Progress(**json.loads(path.read_text(encoding="utf-8")))


def seal(checkpoint: Path) -> None:
    """Write the manifest that makes a checkpoint usable: the digest of every file in it."""
    files = {p.relative_to(checkpoint).as_posix(): file_digest(p) for p in sorted(checkpoint.rglob("*")) if p.is_file()}
    fresh = checkpoint / f".{_MANIFEST}.writing"
    fresh.write_text(json.dumps(files, indent=1), encoding="utf-8")
    fresh.replace(checkpoint / _MANIFEST)


def prune(folder: Path, newest: int = 2) -> None:
    """Remove the checkpoints that no training will go on from: all but the `newest` that were sealed.

    Of an older one the weights are kept that one of these knows as the best, and the manifest that says whether
    they are whole. Killed at any moment it leaves these as they are; what it did not come to goes the next time.
    """
    sealed = [path for path in folder.glob("checkpoint-*") if (path / _MANIFEST).exists() and _is_resumable(path)]
    kept = sorted(sealed, key=step_of)[-newest:]
    best = {read_progress(checkpoint).best_step for checkpoint in kept}
    for checkpoint in folder.glob("checkpoint-*"):
        if not kept or step_of(checkpoint) >= step_of(kept[0]):
            continue
        if step_of(checkpoint) in best:
            _strip(checkpoint)
        else:
            (checkpoint / _MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(checkpoint)


def _is_resumable(checkpoint: Path) -> bool:
    """Whether a sealed checkpoint has not been stripped, and says what training had come to."""
    try:
        return (checkpoint / _PROGRESS).exists() and read_progress(checkpoint) is not None
    except (ValueError, TypeError):  # damaged on the disk: no reason for a training to end
        return False


def _strip(checkpoint: Path) -> None:
    """Remove everything but the best weights and the manifest; what says that training can go on from it goes first."""
    (checkpoint / _PROGRESS).unlink(missing_ok=True)
    kept = (checkpoint / _MANIFEST, checkpoint / Path(_KEPT).parts[0])
    for path in checkpoint.iterdir():
        if path.is_dir() and path not in kept:
            shutil.rmtree(path)
        elif path not in kept:
            path.unlink()


def damage(checkpoint: Path, part: str = "") -> str | None:
    """What is wrong with a checkpoint, or with the files whose names begin with `part`; None if they are whole."""
    manifest = checkpoint / _MANIFEST
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it was not finished"
    except (json.JSONDecodeError, UnicodeDecodeError):
        return f"{_MANIFEST} is not readable"
    if not isinstance(files, dict):
        return f"{_MANIFEST} is not readable"
    for name, digest in files.items():
        if not name.startswith(part):
            continue
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if file_digest(path) != digest:
            return f"{name} is not what was written"
    return None


def discard(folder: Path) -> None:
    """Remove a folder. Killed at any moment, it leaves either all of it or nothing at its place; so no half of it is
    ever taken for what training left. What a kill left aside goes the next time.
    """
    aside = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    """The training step a checkpoint was taken at."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def newest_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint of a training folder; damaged newer ones are removed, saying so."""
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        problem = damage(checkpoint) or _lost_best(checkpoint)
        if problem is None:
            return checkpoint
        log.warning("%s: %s; falling back to the one before", checkpoint, problem)
        shutil.rmtree(checkpoint)
    return None


def _lost_best(checkpoint: Path) -> str | None:
    """What is wrong with the best weights that a whole checkpoint knows of, or None if they are whole."""
    step = read_progress(checkpoint).best_step
    if step in (0, step_of(checkpoint)):
        return None
    problem = damage(checkpoint.with_name(f"checkpoint-{step}"), _KEPT)
    return f"its best weights are those of step {step}, and there {problem}" if problem else None
