"""The training folder: whose checkpoints lie in it, and which tracking run they belong to."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from setwise.params import Params
from setwise.training.checkpoints import discard

log = logging.getLogger("setwise.training")

_STATE = "state.json"


def training_fingerprint(params: Params, method: str, policy_digest: str, data_digest: str) -> str:
    """What a checkpoint belongs to: other params, weights or data start afresh. Of a cluster, its workers count."""
    sections = params.model_dump(
        mode="json", include={"seed", "k", "threads", "model", "reward", "train", "scale", "domain"}
    )
    cluster = sections["scale"].pop("cluster")
    if cluster is not None:
        sections["workers"] = cluster["workers"]
    content = json.dumps([method, policy_digest, data_digest, sections], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def open_workdir(workdir: Path, fingerprint: str) -> str | None:
    """Make the training folder ready: what was left of the same training is kept, of another one removed.

    Returns:
        The id of the tracking run of the interrupted training, or None for a fresh start.
    """
    try:
        left = json.loads((workdir / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        left = {}
    except (json.JSONDecodeError, UnicodeDecodeError):
        log.warning("%s: not readable; starting afresh", workdir / _STATE)
        left = {}
    if isinstance(left, dict) and left.get("fingerprint") == fingerprint:
        return str(left["run_id"])
    if left:
        log.info("%s: checkpoints of another training; starting afresh", workdir)
    discard(workdir)
    return None


def remember_run(workdir: Path, fingerprint: str, run_id: str) -> None:
    """Note which tracking run the training in `workdir` writes to."""
    workdir.mkdir(parents=True, exist_ok=True)
    fresh = workdir / f".{_STATE}.writing"
    fresh.write_text(json.dumps({"fingerprint": fingerprint, "run_id": run_id}), encoding="utf-8")
    fresh.replace(workdir / _STATE)
