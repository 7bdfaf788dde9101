"""Runs of the small project: what they come to undisturbed, and how one is watched and let finish."""

import subprocess
import time

import psutil

UNDISTURBED = {
    "data/prepared.txt": "raw\nprepare 1\n",
    "models/a.txt": "raw\nprepare 1\ntrain@a 1\n",
    "models/b.txt": "raw\nprepare 1\ntrain@b 1\n",
    "reports/report.txt": "raw\nprepare 1\ntrain@a 1\nraw\nprepare 1\ntrain@b 1\nreport 1\n",
}
HANG_IN_TRAINING = "if name.startswith('train'): time.sleep(600)"


def stage_processes(project) -> list[psutil.Process]:
    """What works on a stage of the project: DVC, the shell it starts and the stage's command."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(project.root)
            if here and {"dvc", "step.py"} & set(" ".join(process.cmdline()).split()):
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
