"""Checkpoints of a running training on the DVC remote, so that another machine can go on from them.

``python -m tasks.checkpoint_store follow|beat|fetch|alive|drop KEY [FOLDER] [SECONDS]`` in a workspace. Whatever the
remote is (a folder, S3, GCS, SSH), DVC's own connection to it is used. The newest upload may be cut short by a kill:
training checks each checkpoint by its manifest and falls back to the one before.
"""

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class CheckpointStore:
    """The place on the remote for the checkpoints of one order."""

    def __init__(self, repo: Any, key: str):
        remote = repo.cloud.get_remote_odb(None, "checkpoints", hash_name="md5-dos2unix")
        self.fs = remote.fs
        self.place = self.fs.join(remote.path, "checkpoints", key)

    def upload(self, folder: Path) -> int:
        """Copy new and changed files, manifests last; remove what training has removed; return how many were copied.

        A folder that is gone means that training has ended: the remote keeps what it has until the outputs are there.
        """
        if not folder.is_dir():
            return 0
        local = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        there = self._there()
        copied = 0
        for name in sorted(local, key=lambda name: ("manifest" in name, name)):
            settled = name.startswith("checkpoint-")  # never rewritten once its size is final
            if settled and there.get(name) == local[name].stat().st_size:
                continue
            target = self.fs.join(self.place, "files", name)
            self.fs.makedirs(self.fs.parent(target), exist_ok=True)
            self.fs.put_file(str(local[name]), target)
            copied += 1
        for name in there.keys() - local.keys():
            self.fs.remove(self.fs.join(self.place, "files", name))
        return copied

    def fetch(self, folder: Path) -> int:
        """Copy all files to a folder that has none of them yet; return how many."""
        names = self._there()
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.fs.get_file(self.fs.join(self.place, "files", name), str(target))
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
    _keep(lambda store: store.upload(folder), key, seconds, "not copied to the remote", "copied again")


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
