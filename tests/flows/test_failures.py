"""After each kind of failure the next run finishes, and its outputs equal those of a run nobody disturbed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from read_only import read_only

from flows import rebuild
from tasks.environment import MARK

pytestmark = pytest.mark.operations

HOUSE = Path(rebuild.__file__).parent.parent
PYTHONPATH = os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))
UNDISTURBED = {
    "data/prepared.txt": "raw\nprepare 1\n",
    "models/a.txt": "raw\nprepare 1\ntrain@a 1\n",
    "models/b.txt": "raw\nprepare 1\ntrain@b 1\n",
    "reports/report.txt": "raw\nprepare 1\ntrain@a 1\nraw\nprepare 1\ntrain@b 1\nreport 1\n",
}
# What asks for the time of day gets it with the seconds added that the file CLOCK_OFFSET holds.
JUMPING_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static const volatile long long *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) offset = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*ask)(clockid_t, struct timespec *);
    if (!ask) ask = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = ask(clock, at);
    if (!failed && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
HANG_IN_TRAINING = "if name.startswith('train'): time.sleep(600)"


@pytest.fixture
def command(project, prefect_server):
    """Start ``python -m flows.rebuild`` in the project, as a person would; what still runs at the end is killed."""
    started = []

    def start(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PREFECT_API_URL": prefect_server, **settings}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "flows.rebuild", *arguments],
                cwd=project.root,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def stage_processes(project) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(project.root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(condition, what: str) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"never happened: {what}")


def in_training(project) -> bool:
    log = project.root / "starts.log"
    return log.exists() and {"train@a", "train@b"} <= set(log.read_text().split())


def finish(project, command) -> str:
    """Let the stages run normally, run to the end and return what was printed."""
    project.in_every_stage("")
    return to_the_end(project, command())


def to_the_end(project, process: "subprocess.Popen[str]") -> str:
    """Wait for a run that must end well with the outputs of an undisturbed one; return what it printed."""
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 0, printed
    assert project.outputs() == UNDISTURBED
    return printed


def test_ctrl_c_says_so_leaves_no_process_and_is_resumable(project, command):
    project.in_every_stage(HANG_IN_TRAINING)
    process = command()
    until(lambda: in_training(project), "training started")
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "interrupted: finished stages are kept" in printed
    assert "Traceback" not in printed
    assert stage_processes(project) == []
    project.starts()
    finish(project, command)
    assert "prepare" not in project.starts()


def test_no_stage_outlives_a_flow_that_is_killed(project, command):
    project.in_every_stage(HANG_IN_TRAINING)
    process = command()
    until(lambda: in_training(project), "training started")
    process.kill()
    until(lambda: not stage_processes(project), "stages ended")
    project.starts()
    finish(project, command)
    assert set(project.starts()) == {"train@a", "train@b", "report"}


def test_a_run_that_was_taken_for_lost_goes_on_and_ends_as_completed(project, command):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.states import Crashed

    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    process = command()
    until(lambda: (project.root / "starts.log").exists(), "the run is at work")
    named = FlowRunFilter.model_validate({"name": {"any_": [f"rebuild {project.root}"]}})
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(flow_run_filter=named)
        client.set_flow_run_state(run.id, Crashed(message="no sign of life"))
        assert client.read_flow_run(run.id).state.is_crashed()
        (project.root / "go").touch()
        to_the_end(project, process)
        assert client.read_flow_run(run.id).state.is_completed()


def test_a_stage_left_behind_when_all_above_it_were_killed_is_ended_by_the_next_run(project, command):
    project.in_every_stage(HANG_IN_TRAINING)
    process = command()
    until(lambda: in_training(project), "training started")
    above = [one for one in stage_processes(project) if "step.py" not in " ".join(one.cmdline())]
    process.kill()
    for one in above:
        one.kill()
    orphans = stage_processes(project)
    assert orphans
    printed = finish(project, command)
    assert "left behind by a run that was killed" in printed
    assert not any(orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE for orphan in orphans)


# DVC runs a stage in the shell that SHELL names: bash becomes the command, dash stays its parent and exits with 137.
@pytest.mark.parametrize(("program", "shell"), [("dvc", "bash"), ("step.py", "bash"), ("step.py", "dash")])
def test_a_stage_that_is_killed_or_whose_dvc_is_killed_is_run_again(program, shell, project, command):
    if not (shell_path := shutil.which(shell)):
        pytest.skip(f"no {shell} here")
    project.in_every_stage("if name == 'train@a' and not pathlib.Path('go').exists(): time.sleep(600)")
    process = command(SHELL=shell_path)
    until(lambda: in_training(project), "training started")
    at_work = [(one, one.cmdline()) for one in stage_processes(project)]
    doomed = [one for one, words in at_work if program in words and ("models/a.txt" in words or words[-1] == "train@a")]
    doomed[-1].suspend()  # so that it can't see "go", which lets the next try through, before it is killed
    (project.root / "go").touch()
    doomed[-1].kill()
    printed = to_the_end(project, process)
    assert f"{'DVC' if program == 'dvc' else 'its command'} was killed by signal 9 (SIGKILL)" in printed


def test_a_second_run_waits_for_the_first_and_says_for_whom(project, command):
    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    first = command()
    until(lambda: (project.root / "starts.log").exists(), "the first run is at work")
    second = command()
    waiting = ""
    while "waiting: another rebuild" not in waiting:
        waiting = second.stdout.readline()
        assert waiting, "the second run ended without waiting"
    assert f"process {first.pid}" in waiting
    (project.root / "go").touch()
    assert first.wait(300) == 0
    assert "nothing to do: all 4 stages unchanged" in to_the_end(project, second)


def test_a_second_run_may_be_skipped(project, command):
    project.in_every_stage("while name == 'prepare' and not pathlib.Path('go').exists(): time.sleep(0.1)")
    first = command()
    until(lambda: (project.root / "starts.log").exists(), "the first run is at work")
    second = command("--if-busy", "skip")
    assert "skipped: another rebuild of this workspace is running" in second.communicate(timeout=120)[0]
    assert second.returncode == 0
    (project.root / "go").touch()
    to_the_end(project, first)


def test_a_lock_file_cut_short_is_set_aside_and_every_stage_restored(project, command):
    finish(project, command)
    project.starts()
    lock = project.root / "dvc.lock"
    lock.write_bytes(lock.read_bytes()[:200] + b"\n  - {")
    assert "dvc.lock was cut short" in finish(project, command)
    assert project.starts() == []


@pytest.mark.parametrize("left", ['{"write": {"/x": {"pi', ""], ids=["part", "nothing"])
def test_dvc_locks_cut_short_by_a_kill_do_not_stop_the_next_run(left, project, command):
    (project.root / ".dvc" / "tmp").mkdir(exist_ok=True)
    (project.root / ".dvc" / "tmp" / "rwlock").write_text(left)
    assert "released 1 DVC locks" in finish(project, command)
    assert len(project.starts()) == 4


def test_a_dvc_lock_whose_process_number_was_used_again_is_released(project, command):
    entry = f'{{"pid": {os.getpid()}, "cmd": "/bin/dvc repro --single-item train@a"}}'
    (project.root / ".dvc" / "tmp").mkdir(exist_ok=True)
    (project.root / ".dvc" / "tmp" / "rwlock").write_text(f'{{"write": {{"{project.root}/models/a.txt": {entry}}}}}')
    assert "released 1 DVC locks" in finish(project, command)


def test_a_clock_that_jumped_makes_nothing_stale(project, command):
    finish(project, command)
    project.starts()
    for at, path in enumerate([*project.outputs(), "raw.txt", "params.yaml", "dvc.lock"]):
        then = 4e9 if at % 2 else 1e8
        os.utime(project.root / path, (then, then))
    assert "nothing to do: all 4 stages unchanged" in finish(project, command)
    assert project.starts() == []


def test_a_clock_that_jumps_during_a_run_changes_no_output(project, command, tmp_path):
    """The clock of all its processes, its own Prefect server included, jumps back a year and ahead two."""
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    offset.write_bytes(bytes(8))
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler here, and the clock of one run can't be set without a library that stands before it")
    options = ["-shared", "-fPIC", "-o", str(library), "-x", "c", "-", "-ldl"]
    subprocess.run([compiler, *options], input=JUMPING_CLOCK, text=True, check=True)
    project.in_every_stage(f"""
        import struct
        days = {{"train@a": -365, "report": 730}}
        if name in days:
            pathlib.Path({str(offset)!r}).write_bytes(struct.pack("q", days[name] * 86400))
            pathlib.Path("years").open("a").write(time.strftime("%Y "))
    """)
    settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    settings |= {"PREFECT_API_URL": "", "PREFECT_HOME": str(tmp_path / "prefect")}
    this_year = time.gmtime().tm_year
    to_the_end(project, command("--max-parallel", "1", **settings))
    before, after = map(int, (project.root / "years").read_text().split())
    assert before < this_year < after
    project.starts()
    assert "nothing to do: all 4 stages unchanged" in finish(project, command)
    assert project.starts() == []


def cached(project, output: str) -> Path:
    content = (project.root / output).read_bytes()
    files = [path for path in (project.root / ".dvc" / "cache" / "files").rglob("*") if path.is_file()]
    return next(path for path in files if path.read_bytes() == content)


def test_a_damaged_cache_file_is_found_by_its_digest_and_made_again(project, command):
    finish(project, command)
    damaged = cached(project, "models/a.txt")
    damaged.chmod(0o644)
    damaged.write_text("bit rot")
    damaged.chmod(0o444)
    (project.root / "models" / "a.txt").unlink()
    project.starts()
    assert "damaged" in finish(project, command)
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
