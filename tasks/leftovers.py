"""Cleaning up after a run that was killed: its processes and folders, its DVC locks, a half-written lock file."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tasks.environment import MARK, starter_lives

SECONDS_TO_BEGIN = 3600.0  # an experiment works in its folder once that is filled


def end_leftover_processes(workspace: Path) -> int:
    """Kill processes that carry this workspace's mark and whose flow has ended; return how many.

    Only processes that a flow of this workspace started carry the mark (an environment variable), so nobody else's
    process is ever touched, whatever its number or name. Those of a flow that still runs, as a sweep beside a rebuild,
    are left to it.
    """
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get(MARK) == str(workspace) and not starter_lives(environment):
                process.kill()
                found.append(process)
        except psutil.Error:  # ended meanwhile, or another user's
            continue
    psutil.wait_procs(found, timeout=10)
    return len(found)


def remove_dead_experiments(workspace: Path) -> int:
    """Remove the folders of ``dvc exp run --temp`` in which nobody works any more; return how many."""
    old = time.time() - SECONDS_TO_BEGIN
    folders = (workspace / ".dvc" / "tmp" / "exps" / "standalone").glob("tmp*")
    dead = [folder for folder in folders if folder.is_dir() and folder.stat().st_mtime < old]
    if not dead:
        return 0
    at_work = [Path(info["cwd"]) for one in psutil.process_iter(["cwd"]) if (info := one.info)["cwd"]]
    dead = [folder for folder in dead if not any(place.is_relative_to(folder.resolve()) for place in at_work)]
    for folder in dead:
        shutil.rmtree(folder)
    return len(dead)


def release_dead_dvc_locks(workspace: Path) -> int:
    """Drop entries of ended processes from DVC's read-write locks; return how many.

    DVC drops them itself unless the process number is in use again; a process counts as the holder only if its command
    line is the recorded one. Nothing is done while some DVC process holds the repository's lock.
    """
    import zc.lockfile

    folder = workspace / ".dvc" / "tmp"
    entries = folder / "rwlock"
    if not entries.is_file():
        return 0
    try:
        guard = zc.lockfile.LockFile(str(folder / "lock"))
    except zc.lockfile.LockError:
        return 0
    try:
        try:
            held = json.loads(entries.read_text())
        except json.JSONDecodeError:  # cut short or empty since its writer was killed; DVC would refuse to go on
            entries.unlink()
            return 1
        kept: dict[str, dict[str, object]] = {"read": {}, "write": {}}
        dropped = 0
        for path, readers in held.get("read", {}).items():
            alive = [reader for reader in readers if _is_running(reader)]
            dropped += len(readers) - len(alive)
            if alive:
                kept["read"][path] = alive
        for path, writer in held.get("write", {}).items():
            if writer and _is_running(writer):
                kept["write"][path] = writer
            else:
                dropped += bool(writer)
        if dropped:
            entries.write_text(json.dumps(kept))
        return dropped
    finally:
        guard.close()


def _is_running(holder: dict[str, object]) -> bool:
    try:
        command_line = psutil.Process(int(str(holder["pid"]))).cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    arguments = str(holder["cmd"]).partition(" ")[2]
    return " ".join(command_line).endswith(arguments)


def set_aside_damaged_lock_file(workspace: Path) -> Path | None:
    """Move a ``dvc.lock`` that is no valid YAML mapping out of the way; return where it went, None if it is sound.

    A process killed, or a disk filled, while it was written leaves it cut short. Without it, DVC finds each stage's
    last run again in its run cache.
    """
    import yaml

    lock_file = workspace / "dvc.lock"
    if not lock_file.is_file():
        return None
    try:
        sound = isinstance(yaml.safe_load(lock_file.read_bytes()), dict)
    except (yaml.YAMLError, UnicodeDecodeError):
        sound = False
    if sound:
        return None
    aside = workspace / ".dvc" / "tmp" / "dvc.lock.damaged"
    aside.parent.mkdir(parents=True, exist_ok=True)
    return lock_file.replace(aside)


def clean_up(workspace: Path, log: Callable[[str], None]) -> None:
    """Put right what a killed run left behind; the workspace is held, so nothing of a live run is touched."""
    if ended := end_leftover_processes(workspace):
        log(f"ended {ended} processes left behind by a run that was killed")
    if removed := remove_dead_experiments(workspace):
        log(f"removed {removed} folders of experiments that no longer run")
    if dropped := release_dead_dvc_locks(workspace):
        log(f"released {dropped} DVC locks of processes that no longer run")
    if aside := set_aside_damaged_lock_file(workspace):
        log(f"dvc.lock was cut short; moved to {aside.relative_to(workspace)}: DVC looks each run up in its run cache")
