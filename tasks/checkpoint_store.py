"""Checkpoints of a running training on the DVC remote, so that another machine can go on from them.

``python -m tasks.checkpoint_store follow|beat|fetch|alive|drop KEY [FOLDER] [SECONDS]`` in a workspace. Whatever the
remote is (a folder, S3, GCS, SSH), DVC's own connection to it is used. The newest upload may be cut short by a kill:
training checks each checkpoint by its manifest and falls back to the one before.
"""

import fnmatch
import itertools
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

OWNER = ".order"
NONE_SEALED = -1


class CheckpointStore:
    """The place on the remote for the checkpoints of one order."""

    def __init__(self, repo: Any, key: str):
        remote = repo.cloud.get_remote_odb(None, "checkpoints", hash_name="md5-dos2unix")
        self.fs = remote.fs
        self.key = key
        self.place = self.fs.join(remote.path, "checkpoints", key)

    def upload(self, folder: Path) -> int:
        """Copy new and changed files, manifests last; remove what training has removed; return how many were copied.

        A folder that is gone means that training has ended: the remote keeps what it has until the outputs are there.
        A checkpoint of a later step than any here stays, too: it is of a worker that had got further.
        """
        if not folder.is_dir():
            return 0
        local = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        local.pop(OWNER, None)
        there = self._there()
        copied = 0
        for name in sorted(local, key=lambda name: ("manifest" in name, name)):
            settled = name.startswith("checkpoint-")  # never rewritten once its size is final
            try:
                if settled and there.get(name) == local[name].stat().st_size:
                    continue
                self._put(local[name], name)
            except FileNotFoundError:
                if local[name].exists():
                    raise
                continue  # training has removed it meanwhile, since it has newer ones: they come with the next round
            copied += 1
        newest = newest_sealed(local)
        for name in there.keys() - local.keys():
            if _step(name) <= newest:
                self.fs.remove(self.fs.join(self.place, "files", name))
        return copied

    def _put(self, path: Path, name: str) -> None:
        target = self.fs.join(self.place, "files", name)
        self.fs.makedirs(self.fs.parent(target), exist_ok=True)
        self.fs.put_file(str(path), target)

    def fetch(self, folder: Path) -> int:
        """Make a folder the remote's, if that has got further than this order's training here; return how many files.

        The folder is there whole or as it was before.
        """
        names = self._there()
        here = newest_sealed(_files(folder)) if owner(folder) == self.key else NONE_SEALED
        if not names or (folder.is_dir() and newest_sealed(names) <= here):
            return 0
        draft = folder.with_name(f".{folder.name}.fetched")
        shutil.rmtree(draft, ignore_errors=True)
        for name in names:
            target = draft / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.fs.get_file(self.fs.join(self.place, "files", name), str(target))
        own(draft, self.key)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        return len(names)

    def beat(self, count: int) -> None:
        """Show whoever waits that the training's machine is alive."""
        self.fs.makedirs(self.place, exist_ok=True)
        self.fs.pipe_file(self.fs.join(self.place, "alive"), f"{count} {time.time()}".encode())

    def sign_of_life(self) -> str:
        """Return something that changes as long as the training's machine is alive; empty before its first sign."""
        path = self.fs.join(self.place, "alive")
        if not self.fs.exists(path):
            return ""
        return bytes(self.fs.cat_file(path)).decode()  # at one go: S3 refuses to read on in what was replaced meanwhile

    def drop(self) -> None:
        """Forget the checkpoints of a training that has ended well."""
        if self.fs.exists(self.place):
            self.fs.remove([*self.fs.find(self.place)])

    def _there(self) -> dict[str, int]:
        root = self.fs.join(self.place, "files")
        if not self.fs.exists(root):
            return {}
        return {self.fs.relpath(path, root): int(self.fs.size(path)) for path in self.fs.find(root)}


def _beat(key: str, seconds: float) -> None:
    """Give signs of life for as long as this process lives."""
    count = itertools.count()
    _keep(lambda store: store.beat(next(count)), key, seconds, "no sign of life reaches the remote", "signs again")


def _follow(key: str, folder: Path, seconds: float) -> None:
    """Copy checkpoints for as long as this process lives."""
    left = None if owner(folder) == key or not folder.is_dir() else _seals(folder)

    def copy(store: CheckpointStore) -> None:
        nonlocal left
        if left is not None and _seals(folder) <= left:
            return  # of another training, as far as anyone knows, until this one has made a checkpoint
        left = None
        if folder.is_dir() and owner(folder) != key:
            own(folder, key)
        store.upload(folder)

    _keep(copy, key, seconds, "not copied to the remote", "copied again")


def owner(folder: Path) -> str:
    """The key of the order that a folder of checkpoints belongs to; empty where nobody has said so."""
    try:
        return (folder / OWNER).read_text()
    except FileNotFoundError:
        return ""


def own(folder: Path, key: str) -> None:
    """Note which order a folder of checkpoints belongs to. Training that starts afresh removes the note, too."""
    (folder / OWNER).write_text(key)


def newest_sealed(names: Iterable[str]) -> int:
    """The step of the newest checkpoint with a manifest among files of a training folder; -1 if there is none."""
    return max((_step(name) for name in _sealed(names)), default=NONE_SEALED)


def _sealed(names: Iterable[str]) -> set[str]:
    return {name for name in names if fnmatch.fnmatch(name, "checkpoint-*/manifest.json")}


def _seals(folder: Path) -> set[tuple[str, int]]:
    """The manifests in a folder and when each was written."""
    return {(str(path), path.stat().st_mtime_ns) for path in folder.glob("checkpoint-*/manifest.json")}


def _step(name: str) -> int:
    """The step of the checkpoint that a file belongs to; -1 for one that belongs to none."""
    found = re.match(r"checkpoint-(\d+)/", name)
    return int(found[1]) if found else NONE_SEALED


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _keep(act: Callable[[CheckpointStore], object], key: str, seconds: float, failing: str, again: str) -> None:
    """Act every some seconds; say when the remote stops answering, and when it is back."""
    from dvc.repo import Repo

    trouble, store = "", None
    while True:
        try:
            store = store or CheckpointStore(Repo(), key)
            act(store)
            said = ""
        except Exception as error:  # noqa: BLE001 - each remote's library has errors of its own
            said, store = _one_line(error), None  # the next round connects anew
        if said != trouble:
            _say(f"{failing}: {said}; tried again every {seconds:g} s" if said else again)
        trouble = said
        time.sleep(seconds)


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _main(action: str, key: str, folder: str = "", seconds: str = "0") -> int:
    from dvc.repo import Repo

    if action == "beat":
        _beat(key, float(seconds))
    if action == "follow":
        _follow(key, Path(folder), float(seconds))
    try:
        with Repo() as repo:
            store = CheckpointStore(repo, key)
            if action == "fetch":
                _say(str(store.fetch(Path(folder))))
            elif action == "alive":
                _say(store.sign_of_life())
            elif action == "drop":
                store.drop()
    except Exception as error:  # noqa: BLE001 - each remote's library has errors of its own
        sys.stderr.write(_one_line(error) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
