"""What a stage has made waits in its working folder until DVC has recorded it, since DVC may be killed before it does.

DVC deletes a stage's outputs before it runs the stage again; out of the working folder they are there within seconds.
DVC has recorded a run once `dvc.lock` says something else of its stage than it did when the run ended.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pipelines.stage import lock_entry
from setwise.training.checkpoints import discard

_NOTE = "finished.json"


def keep_until_recorded(workdir: Path) -> None:
    """Note that the stage which worked in the folder has ended well; without DVC, which records it, the folder goes."""
    stage = os.environ.get("DVC_STAGE")
    if stage is None:
        discard(workdir)
        return
    (workdir / _NOTE).write_text(json.dumps({"stage": stage, "recorded": lock_entry(stage)}), encoding="utf-8")


def discard_recorded(*workdirs: Path) -> None:
    """Remove the folders of finished stages that DVC has recorded.

    What it has recorded it starts again only when told to (`--force`), or by other code, and then it is done again.
    Only for a stage's own folder, and those of stages that it reads from: DVC runs none of these beside it.
    """
    for workdir in workdirs:
        try:
            note = json.loads((workdir / _NOTE).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            continue  # not finished, or killed while it noted that
        if lock_entry(note["stage"]) != note["recorded"]:
            discard(workdir)
