"""What a stage has made waits in its working folder until DVC has recorded it, since DVC may be killed before it does.

DVC deletes a stage's outputs before it runs the stage again; out of the working folder they are there within seconds.
DVC has recorded a stage once it runs another that reads from it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import setwise
from setwise.training.checkpoints import discard

_NOTE = "finished.json"


def keep_until_recorded(workdir: Path) -> None:
    """Note that the stage which worked in the folder has ended well; without DVC, which records it, the folder goes."""
    stage = os.environ.get("DVC_STAGE")
    if stage is None:
        discard(workdir)
        return
    (workdir / _NOTE).write_text(json.dumps({"stage": stage, "code": _code()}), encoding="utf-8")


def discard_recorded(*workdirs: Path) -> None:
    """Remove the folders of finished stages that DVC has recorded, and of one that other code is to do again.

    Only for a stage's own folder, and those of stages that it reads from: DVC runs none of these beside it.
    """
    for workdir in workdirs:
        try:
            note = json.loads((workdir / _NOTE).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            continue  # not finished, or killed while it noted that
        is_own = os.environ.get("DVC_STAGE", note["stage"]) == note["stage"]
        if not is_own or note["code"] != _code():
            discard(workdir)


def _code() -> str:
    """SHA-256 of all the code that a stage may run."""
    folders = (Path(setwise.__file__).parent, Path(__file__).parent)
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
