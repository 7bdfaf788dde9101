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
    it back. Raises InputError when it is not in the cache, or when DVC refuses the new one; then all is as it was.
    """
    place = workspace / release.folder
    if place.resolve() != workspace.resolve() / release.folder:
        raise InputError(f"{release.folder}: a link; make it a folder, or take another name")
    place.parent.mkdir(exist_ok=True)
    tracked = place.with_name(f"{release.dataset}.dvc")
    _put_back(place, tracked)  # of one that was killed
    _check_kept(workspace, place, tracked)
    fresh = place.with_name(f".{release.dataset}.writing")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(release.files, fresh)
    first = not place.exists()
    if not first:
        shutil.copyfile(tracked, _aside(tracked))
        place.rename(_aside(place))
    try:
        fresh.rename(place)
        _track(workspace, release, tracked)
    except BaseException:
        if first:
            shutil.rmtree(place, ignore_errors=True)
            tracked.unlink(missing_ok=True)
        _put_back(place, tracked)
        raise
    if not first:
        shutil.rmtree(_aside(place))
        _aside(tracked).unlink()
    return tracked


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def _put_back(place: Path, tracked: Path) -> None:
    """Bring back what was put aside, if anything was."""
    if _aside(place).exists():
        shutil.rmtree(place, ignore_errors=True)
        _aside(place).rename(place)
        _aside(tracked).replace(tracked)


def _check_kept(workspace: Path, place: Path, tracked: Path) -> None:
    """Raise InputError if the current version is not in DVC's cache as it lies there: it could not be brought back."""
    if not place.exists():
        return
    name = place.relative_to(workspace)
    why = "DVC does not track it" if not tracked.is_file() else "it is not what DVC has in its cache"
    if not tracked.is_file() or _dvc(workspace, "status", "--quiet", str(tracked.relative_to(workspace))).returncode:
        raise InputError(f"{name}: {why}, and would be lost; run `dvc add {name}` to keep it, or move it away")


def _track(workspace: Path, release: Release, tracked: Path) -> None:
    import yaml

    added = _dvc(workspace, "add", str(release.folder))
    if added.returncode:
        lines = [line for line in (added.stderr + added.stdout).splitlines() if line.startswith("ERROR: ")]
        said = redact(" ".join(lines).removeprefix("ERROR: "))[-300:] or f"exit code {added.returncode}"
        raise InputError(f"{release.folder}: DVC did not take it: {said}")
    content = yaml.safe_load(tracked.read_text())
    content["meta"] = {
        "source": release.source,
        "revision": release.revision,
        "licence": release.licence,
        "sha256": digest(workspace / release.folder),
    }
    tracked.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _dvc(workspace: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock", *words]
    return subprocess.run(dvc, cwd=workspace, env=child_environment(), capture_output=True, text=True, check=False)
