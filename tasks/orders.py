"""An order: one stage to be run on another machine. What it needs and what it makes travel by the DVC remote."""

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from setwise.errors import InputError
from setwise.yaml12 import dump_yaml, load_yaml
from tasks.placement import identity

LOCK_WAIT_SECONDS = 3600.0  # another stage's outputs may be on their way to the remote
_CARRIED = ("params.yaml", "dvc.lock")


class Order(BaseModel):
    """What another machine must know to run a stage exactly as it would be run here."""

    model_config = ConfigDict(frozen=True)
    stage: str = Field(pattern=r"^[\w-]+@[\w-]+$", description="The stage, as DVC names it.")
    upstream: tuple[str, ...] = Field(description="The stages whose outputs it reads.")
    revision: str = Field(pattern=r"^[0-9a-f]{40,64}$", description="The git commit of code and pipeline.")
    files: Mapping[str, str] = Field(description="params.yaml and dvc.lock, as they are here.")
    checkpoint_seconds: float = Field(default=300.0, gt=0, description="How often checkpoints go to the remote.")
    home: str = Field(default="", description="The clone that ordered it; a worker there runs it under its lock.")

    @property
    def key(self) -> str:
        """The same for the same stage, code, params and inputs, whichever machine takes the order."""
        return _digest([self.stage, *self._content])

    @property
    def layout(self) -> str:
        """The same for orders that need a clone laid out alike: of one code, params and inputs."""
        return _digest(self._content)

    @property
    def _content(self) -> list[Any]:
        recorded = _parsed(self.files["dvc.lock"])["stages"]
        inputs = {stage: recorded.get(stage, {}).get("outs") for stage in self.upstream}
        return [self.revision, self.files["params.yaml"], inputs]

    @property
    def checkpoints(self) -> Path:
        """Where the stage keeps checkpoints, relative to the workspace: by its method (``train@M`` → checkpoints/M)."""
        return Path("checkpoints") / self.stage.partition("@")[2]


def write_order(workspace: Path, stage: str, upstream: tuple[str, ...], checkpoint_seconds: float) -> Order:
    """Describe a stage of this workspace as an order.

    Raises InputError if tracked files other than the params and the lock file differ from the last commit: the other
    machine runs what is committed.
    """
    if changed := _changed(workspace):
        raise InputError(f"{changed[0]}: changed since the last commit; commit it, for the gpu worker runs what is")
    with _dvc_at_rest(workspace):
        files = {name: (workspace / name).read_text() for name in _CARRIED}
    return Order(
        stage=stage,
        upstream=upstream,
        revision=_git(workspace, "rev-parse", "HEAD").strip(),
        files=files,
        checkpoint_seconds=checkpoint_seconds,
        home=identity(workspace),
    )


def check_home(order: Order, workspace: Path) -> None:
    """Raise InputError if the workspace that ordered has other code or params by now."""
    same = _git(workspace, "rev-parse", "HEAD").strip() == order.revision
    same = same and (workspace / "params.yaml").read_text() == order.files["params.yaml"]
    if not same or _changed(workspace):
        raise InputError(f"{order.stage}: code or params have changed since it was ordered; order it again")


def lay_out(order: Order, workspace: Path) -> None:
    """Bring this machine's clone to the order's commit, params and lock file.

    What this machine's lock file says of the ordered stage, and of stages that the order's does not know, stays: if the
    stage was run here and only its outputs did not reach the remote, DVC then finds it done.

    Raises InputError if the clone has changes of its own or the commit can't be had.
    """
    own = _read_lock(workspace / "dvc.lock")["stages"]
    _git(workspace, "checkout", "--quiet", "HEAD", "--", "params.yaml")
    if changed := _changed(workspace):
        raise InputError(f"{workspace / changed[0]}: changed on this worker; its clone must have no changes of its own")
    if _git(workspace, "rev-parse", "HEAD").strip() != order.revision:
        (workspace / "dvc.lock").unlink(missing_ok=True)
        _git(workspace, "fetch", "--quiet", "origin")
        _git(workspace, "checkout", "--quiet", "--force", "--detach", order.revision)
    for name in _CARRIED:
        (workspace / name).write_text(order.files[name])
    ordered = _read_lock(workspace / "dvc.lock")
    ordered["stages"].update({s: entry for s, entry in own.items() if s == order.stage or s not in ordered["stages"]})
    _write_lock(workspace / "dvc.lock", ordered)


def lock_entry(workspace: Path, stage: str) -> dict[str, Any]:
    """Return what dvc.lock records of a stage."""
    with _dvc_at_rest(workspace):
        return dict(_read_lock(workspace / "dvc.lock")["stages"][stage])


def record_entry(workspace: Path, stage: str, entry: Mapping[str, Any]) -> None:
    """Write another machine's record of a stage into dvc.lock."""
    with _dvc_at_rest(workspace):
        content = _read_lock(workspace / "dvc.lock")
        content["stages"][stage] = dict(entry)
        _write_lock(workspace / "dvc.lock", content)


@contextmanager
def _dvc_at_rest(workspace: Path) -> Iterator[None]:
    """Hold DVC's own lock: no stage that runs meanwhile is writing dvc.lock."""
    import zc.lockfile

    place = workspace / ".dvc" / "tmp" / "lock"
    place.parent.mkdir(exist_ok=True)
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            guard = zc.lockfile.LockFile(str(place))
            break
        except zc.lockfile.LockError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    try:
        yield
    finally:
        guard.close()


def _changed(workspace: Path) -> list[str]:
    """The tracked files that differ from the last commit, but for those that an order carries."""
    lines = _git(workspace, "status", "--porcelain", "--untracked-files=no").splitlines()
    return [line[3:] for line in lines if line[3:] not in _CARRIED]


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _read_lock(path: Path) -> dict[str, Any]:
    return _parsed(path.read_text(encoding="utf-8")) if path.exists() else {"schema": "2.0", "stages": {}}


def _parsed(text: str) -> dict[str, Any]:
    content: Any = load_yaml(text)
    return dict(content)


def _write_lock(path: Path, content: Mapping[str, Any]) -> None:
    fresh = path.with_name(".dvc.lock.writing")
    fresh.write_text(dump_yaml(content), encoding="utf-8")
    fresh.replace(path)


def _git(workspace: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=workspace, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"git {' '.join(arguments[:2])}: {' '.join(done.stderr.split())}; mend the clone {workspace}")
    return done.stdout
