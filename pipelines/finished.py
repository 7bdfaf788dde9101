"""A training that ended well and was not recorded, since DVC was killed before it could, is not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pipelines.stage import write_whole

_RECORDED = Path("dvc.lock")


def note_finished(workdir: Path, fingerprint: str, outputs: Mapping[str, str]) -> None:
    """Note, beside the training folder, which training has written these outputs (path → digest)."""
    write_whole(_note(workdir), json.dumps({"fingerprint": fingerprint, "outputs": dict(outputs)}))


def is_finished(workdir: Path, fingerprint: str, outputs: Mapping[str, str]) -> bool:
    """Whether DVC starts a training again that has ended: it wrote `outputs`, and DVC has recorded nothing since.

    What DVC has recorded it starts again only when asked to (`--force`, or other code), and then it is done again.
    """
    if "DVC_STAGE" not in os.environ:
        return False
    note = _note(workdir)
    try:
        left = json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return False
    if _RECORDED.exists() and _RECORDED.stat().st_mtime_ns >= note.stat().st_mtime_ns:
        return False
    return bool(left == {"fingerprint": fingerprint, "outputs": dict(outputs)})


def _note(workdir: Path) -> Path:
    return workdir.with_name(f".{workdir.name}.finished.json")
