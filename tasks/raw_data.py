"""Raw inputs under ``raw/``: tracked by DVC with where they come from, at which revision, under which licence."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setwise.errors import InputError
from setwise.redact import holds_secret, redact
from setwise.sources.location import link_out_of
from tasks.environment import child_environment

RAW = Path("raw")


@dataclass(frozen=True)
class Release:
    """A release of a dataset: its files, and what is recorded about them."""

    dataset: str
    files: Path
    source: str
    revision: str
    licence: str

    @property
    def folder(self) -> Path:
        """Where the dataset lies, relative to the workspace."""
        return RAW / self.dataset


def check_release(release: Release) -> None:
    """Raise InputError if the name can't be a folder's, a field is empty, or there are no files."""
    if not release.dataset.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"dataset: {release.dataset!r}; use letters, digits, - and _ only")
    for field in ("source", "revision", "licence"):
        if not getattr(release, field).strip():
            raise InputError(f"{field}: empty; say it, so that it stands with the data")
        if holds_secret(getattr(release, field)):
            raise InputError(f"{field}: holds a password or a key; say it without, for it stands with the data")
    if (outside := link_out_of([release.files.resolve()], release.files)) is not None:
        raise InputError(f"files: {outside}: a link that leads out of the folder; put the file itself there")
    if not release.files.is_dir() or not any(path.is_file() for path in release.files.rglob("*")):
        raise InputError(f"files: {release.files}: not a folder with files in it")


def digest(folder: Path) -> str:
    """Return the sha256 of a folder: of its files' relative paths and contents, in sorted order."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as content:
            of_file = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {of_file}\n".encode())
    return whole.hexdigest()


def prepare_apart(workspace: Path, scratch: Path, release: Path, dataset: str, stages: Sequence[str]) -> Path:
    """Run stages (``prepare``, ``validate``) on a release in a folder of their own; return the prepared data's folder.

    The workspace's params decide how; no file of the workspace is touched. Raises InputError with the stage's own line
    when the release can't be read or an expectation fails.
    """
    (scratch / RAW).mkdir(parents=True)
    shutil.copy(workspace / "params.yaml", scratch / "params.yaml")
    (scratch / RAW / dataset).symlink_to(release.resolve(), target_is_directory=True)
    for stage in stages:
        done = subprocess.run(
            [sys.executable, "-m", f"pipelines.{stage}"],
            cwd=scratch,
            env={**child_environment(), "SETWISE_RELEASE_DATA": str(release.resolve())},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
            raise InputError(f"{dataset}: {stage}: {said[-1].removeprefix('error: ')}")
    return next(path for path in (scratch / "data").iterdir() if path.is_dir())


def adopt(workspace: Path, release: Release) -> Path:
    """Put a release in place of the current one, have DVC track it and write down what it is; return the ``.dvc`` file.

    The release before stays in DVC's cache: checking out its ``.dvc`` file from git and running ``dvc checkout`` brings
    it back. Raises InputError when DVC refuses.
    """
    import yaml

    place = workspace / release.folder
    if place.resolve() != workspace.resolve() / release.folder:
        raise InputError(f"{release.folder}: a link; make it a folder, or take another name")
    place.parent.mkdir(exist_ok=True)
    fresh = place.with_name(f".{release.dataset}.writing")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(release.files, fresh)
    if place.exists():
        shutil.rmtree(place)
    fresh.rename(place)
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock", "add", "--quiet", str(release.folder)]
    added = subprocess.run(dvc, cwd=workspace, env=child_environment(), capture_output=True, text=True, check=False)
    if added.returncode:
        raise InputError(f"{release.folder}: DVC did not take it: {redact(' '.join(added.stderr.split()))[-300:]}")
    tracked = place.with_name(f"{release.dataset}.dvc")
    content = yaml.safe_load(tracked.read_text())
    content["meta"] = {
        "source": release.source,
        "revision": release.revision,
        "licence": release.licence,
        "sha256": digest(place),
    }
    tracked.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return tracked
