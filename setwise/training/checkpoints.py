"""Checkpoints that are whole or not used: each carries a manifest of digests, and a damaged one is passed over."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from setwise.digests import file_digest

log = logging.getLogger("setwise.training")

_MANIFEST = "manifest.json"


def seal(checkpoint: Path) -> None:
    """Write the manifest that makes a checkpoint usable: the digest of every file in it."""
    files = {p.relative_to(checkpoint).as_posix(): file_digest(p) for p in sorted(checkpoint.rglob("*")) if p.is_file()}
    fresh = checkpoint / f".{_MANIFEST}.writing"
    fresh.write_text(json.dumps(files, indent=1), encoding="utf-8")
    fresh.replace(checkpoint / _MANIFEST)


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, or None if it is whole."""
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
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if file_digest(path) != digest:
            return f"{name} is not what was written"
    return None


def step_of(checkpoint: Path) -> int:
    """The training step a checkpoint was taken at."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def newest_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint of a training folder; damaged newer ones are removed, saying so."""
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        problem = damage(checkpoint)
        if problem is None:
            return checkpoint
        log.warning("%s: %s; falling back to the one before", checkpoint, problem)
        shutil.rmtree(checkpoint)
    return None
