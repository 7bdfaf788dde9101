"""Locks and cached files that are damaged, a full disk, a tracking store that can't be written."""

import os
import subprocess
import sys

import pytest
from read_only import read_only
from runs import UNDISTURBED, finish, to_the_end

pytestmark = pytest.mark.operations


def refused(command, *said):
    """A run that is bad input ends with code 2 and says so."""
    process = command()
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 2
    assert [text for text in said if text not in printed] == []


def test_a_lock_file_cut_short_is_refused_and_every_stage_restored_once_it_is_gone(project, command):
    finish(project, command)
    project.starts()
    lock = project.root / "dvc.lock"
    lock.write_bytes(lock.read_bytes()[:200] + b"\n  - {")
    refused(command, "unable to read: 'dvc.lock'", "`git checkout dvc.lock`, or delete it")
    lock.unlink()
    finish(project, command)
    assert project.starts() == []


@pytest.mark.parametrize("left", ['{"write": {"/x": {"pi', ""], ids=["part", "nothing"])
def test_dvc_locks_cut_short_by_a_kill_are_named_and_the_next_run_finishes_once_they_are_gone(left, project, command):
    (project.root / ".dvc" / "tmp").mkdir(exist_ok=True)
    locks = project.root / ".dvc" / "tmp" / "rwlock"
    locks.write_text(left)
    refused(command, "Unable to read RWLock-file '.dvc/tmp/rwlock'", "delete it while no DVC runs here")
    locks.unlink()
    finish(project, command)
    assert len(project.starts()) == 4


def test_what_another_dvc_works_on_is_waited_for_and_the_process_is_named(project, command):
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    entry = f'{{"pid": {holder.pid}, "cmd": "/bin/dvc repro --single-item train@a"}}'
    (project.root / ".dvc" / "tmp").mkdir(exist_ok=True)
    (project.root / ".dvc" / "tmp" / "rwlock").write_text(f'{{"write": {{"{project.root}/models/a.txt": {entry}}}}}')
    process = command()
    said = ""
    while f"(PID {holder.pid}): /bin/dvc repro --single-item train@a" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    holder.kill()
    holder.wait()
    to_the_end(project, process)


def test_a_damaged_file_of_the_cache_is_made_again_once_it_is_deleted(project, command):
    finish(project, command)
    content = (project.root / "models/a.txt").read_bytes()
    files = [path for path in (project.root / ".dvc" / "cache" / "files").rglob("*") if path.is_file()]
    next(path for path in files if path.read_bytes() == content).unlink()
    (project.root / "models" / "a.txt").unlink()
    project.starts()
    finish(project, command)
    assert project.starts() == ["train@a"]


def test_a_full_disk_fails_with_its_reason_and_is_resumable(project, command, tmp_path):
    small = project.root / "models"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        project.in_every_stage("if name == 'train@a': pathlib.Path('models/big').write_bytes(b'x' * 100_000)")
        process = command()
        printed = process.communicate(timeout=300)[0]
        assert process.returncode == 1
        assert "No space left on device" in printed.splitlines()[-2]
    finally:
        subprocess.run(["umount", str(small)], check=True)
    finish(project, command)


def test_a_read_only_mlruns_fails_what_logs_there_with_its_name_and_is_resumable(project, command):
    store = project.root / "mlruns"
    store.mkdir()
    project.in_every_stage("""
        if name == "train@a":
            from setwise.errors import InputError
            from setwise.tracking import TrackingError, get_client, get_experiment
            try:
                get_experiment(get_client(), "toy")
            except TrackingError as error:
                sys.exit(f"error: {error}")
    """)
    with read_only(store):
        process = command()
        printed = process.communicate(timeout=300)[0]
    assert process.returncode == 1
    assert "train@a: mlruns: tracking can't write there; make it writable and run again" in printed
    assert "Traceback" not in printed
    assert project.outputs().keys() == UNDISTURBED.keys() - {"models/a.txt", "reports/report.txt"}
    to_the_end(project, command())
    assert (store / "mlflow.db").exists()
