"""The Prefect task that runs one DVC stage by its name, with its output streamed to the run's log."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State

from setwise.errors import InputError
from setwise.redact import redact
from tasks.dag import BUSY, BUSY_SECONDS
from tasks.environment import child_environment
from tasks.leaderboard import tracking_uri
from tasks.output import LineStream

RETRIES = 3
RETRY_DELAYS = [2.0, 10.0, 30.0]
GRACE_SECONDS = 10.0
_KILLED_BY_SHELL = range(129, 160)
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT}

StageState = Literal["ran", "restored", "unchanged", "failed", "stopped"]

_CHATTER = (
    "Use `dvc push`",
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
    "Updating lock file",
    "Generating lock file",
    "Data and pipelines are up to date",
)
_EXITED = re.compile(r"failed to run: .*, exited with (-?\d+)")


@dataclass(frozen=True)
class StageOutcome:
    """What became of one stage.

    ``ran``: its command was run; ``restored``: the same run was found in DVC's run cache and its outputs were checked
    out; ``unchanged``: outputs, inputs and params are as DVC recorded them; ``failed``; ``stopped``: ended on request.
    """

    stage: str
    state: StageState
    seconds: float
    message: str = ""
    exit_code: int = 0  # -N where signal N ended it

    @property
    def bad_input(self) -> bool:
        """Whether the stage refused its input: a mistake to mend, which no retry cures."""
        return self.exit_code == InputError.exit_code

    @property
    def worth_retrying(self) -> bool:
        """Whether the cause passes by itself: a process killed from outside.

        A crash of its own, as by SIGSEGV or SIGABRT, would only come again.
        """
        return self.state == "failed" and -self.exit_code in _FROM_OUTSIDE


class RunningStages:
    """The stages now running in this flow, each a process group, so that all of them can be stopped at once.

    Ctrl-C in a terminal reaches the flow alone, which stops them.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopping = False

    def start(self, command: list[str], workspace: Path, extra: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
        """Start a command in the workspace; None once a stop was asked for."""
        with self._guard:
            if self.stopping:
                return None
            process = subprocess.Popen(
                command,
                cwd=workspace,
                env={**child_environment(), **extra},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            self._running.add(process)
            return process

    def ended(self, process: "subprocess.Popen[bytes]") -> None:
        """Forget a process and kill whatever it left behind in its group."""
        _signal_group(process, signal.SIGKILL)
        process.wait()
        with self._guard:
            self._running.discard(process)

    def stop_all(self) -> None:
        """Stop what runs now, killing what does not end within a grace, and let nothing new start."""
        with self._guard:
            self.stopping = True
            running = tuple(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Send a signal to all of a process group; an empty one is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def run_command(
    command: list[str],
    workspace: Path,
    running: RunningStages,
    log: Callable[[str], None],
    extra_environment: Mapping[str, str] | None = None,
) -> tuple[int | None, list[str]]:
    """Run a command, passing its output on line by line; return its exit code (None if stopped) and all its lines.

    What looks like a secret is out of every line: DVC, git and stages name addresses with passwords in their messages.
    """
    process = running.start(command, workspace, extra_environment or {})
    if process is None:
        return None, []
    assert process.stdout is not None
    stream = LineStream()
    lines: list[str] = []

    def take(new: str) -> None:
        lines.append(redact(new))
        log(lines[-1])

    try:
        for data in _read_until_ended(process):
            for line in stream.feed(data, time.monotonic()):
                take(line)
        code = process.wait()
        for line in stream.close(time.monotonic()):
            take(line)
    finally:
        running.ended(process)
        process.stdout.close()
    return (None if running.stopping and code != 0 else code), lines


def _read_until_ended(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Yield output until it is closed, or until the process has ended though something it left behind keeps it open."""
    assert process.stdout is not None
    while True:
        ended = process.poll() is not None
        ready, _, _ = select.select([process.stdout], [], [], 0.0 if ended else 1.0)
        data = os.read(process.stdout.fileno(), 65_536) if ready else b""
        if data:
            yield data
        elif ready or ended:
            return


def reproduce(stage: str, workspace: Path, running: RunningStages, log: Callable[[str], None]) -> StageOutcome:
    """Run ``dvc repro --single-item`` for one stage. After a failure, the stage's earlier outputs are put back.

    Where another DVC works on the stage, as one whose flow was killed, it is waited for, and its work taken over.
    """
    began = time.monotonic()
    said: set[str] = set()

    def relevant(line: str) -> None:
        if not line.lstrip().startswith(_CHATTER) and line not in said:
            log(line)

    # A .dvc file is data that was imported: it is checked out, or fetched from the remote, not made.
    what = ["pull"] if stage.endswith(".dvc") else ["repro", "--single-item"]
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *what, stage]
    code, lines = run_command(command, workspace, running, relevant)
    while code and any(word in line for line in lines for word in BUSY):
        said.update(lines)  # it says for whom it waits once
        time.sleep(BUSY_SECONDS)
        code, lines = run_command(command, workspace, running, relevant)
    seconds = time.monotonic() - began
    if code is None:
        return StageOutcome(stage, "stopped", seconds, "stopped on request")
    if code == 0:
        return StageOutcome(stage, _state_in_words_of_dvc(lines), seconds)
    outcome = StageOutcome(stage, "failed", seconds, *_cause(code, lines))
    _put_back(stage, workspace, running, log)
    return outcome


def run_variant(
    name: str,
    params: Mapping[str, object],
    tags: Mapping[str, str],
    workspace: Path,
    running: RunningStages,
    log: Callable[[str], None],
) -> StageOutcome:
    """Run the whole pipeline with some params changed, as a DVC experiment in a clone of the workspace.

    The clone's MLflow runs go to the workspace's database and carry ``tags``; its outputs go to the workspace's DVC
    cache, and the workspace has the experiment by its ``name``. Every stage is run: one restored from DVC's cache would
    leave no MLflow run with the tags. Not `dvc exp run --temp`: of those started side by side, one may run another's.
    """
    began = time.monotonic()
    environment = {"MLFLOW_TRACKING_URI": tracking_uri(workspace), "MLFLOW_RUN_CONTEXT": json.dumps(dict(tags))}
    dvc = [sys.executable, "-m", "dvc"]
    experiment = [*dvc, "exp", "run", "--force", "--name", name]
    for param, value in params.items():
        experiment += ["--set-param", f"{param}={json.dumps(value) if not isinstance(value, str) else value}"]
    copies = workspace / ".dvc" / "tmp" / "exps"  # where tracking tells a copy from the workspace it is of
    copies.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=copies) as folder:
        clone = Path(folder) / workspace.name
        steps = (
            (["git", "clone", "--quiet", "--shared", str(workspace), str(clone)], workspace),
            ([*dvc, "cache", "dir", "--quiet", "--local", str(workspace / ".dvc" / "cache")], clone),
            ([*dvc, "checkout", "--quiet", "--allow-missing"], clone),
            (experiment, clone),
            ([*dvc, "exp", "push", "--quiet", "--no-cache", "origin", name], clone),
        )
        for command, place in steps:
            code, lines = run_command(command, place, running, log, environment)
            seconds = time.monotonic() - began
            if code is None:
                return StageOutcome(name, "stopped", seconds, "stopped on request")
            if code:
                return StageOutcome(name, "failed", seconds, *_cause(code, lines))
    return StageOutcome(name, "ran", seconds)


def uncommitted(workspace: Path) -> list[str]:
    """Return the files that git has in the workspace, and not as they are now: no clone has these changes."""
    command = ["git", "diff", "--name-only", "HEAD"]
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=True).stdout.splitlines()


def _state_in_words_of_dvc(lines: list[str]) -> StageState:
    if any(word in line for line in lines for word in ("didn't change, skipping", "Everything is up to date")):
        return "unchanged"
    if any("is cached - skipping run" in line for line in lines):
        return "restored"
    return "ran"


def _cause(code: int, lines: list[str]) -> tuple[str, int]:
    """Return the line that says why a stage failed, and the exit code of the stage (of DVC where DVC itself failed)."""
    for at, line in enumerate(lines):
        if found := _EXITED.search(line):
            said = [text for text in lines[:at] if not text.startswith(("Running stage", ">"))]
            stage_code = int(found.group(1))
            if stage_code in _KILLED_BY_SHELL:  # a shell that stays the command's parent, as dash does
                stage_code = 128 - stage_code
            last = said[-1].removeprefix("error: ") if said else ""
            if stage_code < 0:
                return _killed("its command", -stage_code) + (f"; it last said: {last}" if last else ""), stage_code
            return last or f"exit code {stage_code} and no message", stage_code
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if code < 0:
        return _killed("DVC", -code), code
    return (errors[-1] if errors else f"DVC ended with exit code {code}"), code


def _killed(who: str, number: int) -> str:
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    return f"{who} was killed by signal {number} ({name})" + (", as when memory runs out" if name == "SIGKILL" else "")


def _put_back(stage: str, workspace: Path, running: RunningStages, log: Callable[[str], None]) -> None:
    """DVC removes a stage's outputs before it runs it; check out the ones that it has recorded."""
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock", "checkout"]
    code, lines = run_command([*dvc, "--force", "--allow-missing", stage], workspace, running, lambda _line: None)
    if code:
        log("the last good outputs could not be put back")
    elif any(line.startswith(("A\t", "M\t")) for line in lines):
        log("the outputs of the last good run were put back")


def _retry_helps(_task: Any, task_run: Any, state: "State[Any]") -> bool:
    failed = state.data
    outcome = failed.data if isinstance(failed, State) else failed
    return isinstance(outcome, StageOutcome) and outcome.worth_retrying and task_run.run_count <= RETRIES


@task(
    task_run_name="{stage}",
    retries=RETRIES + 1,  # one more than are made: _retry_helps ends them, without Prefect's empty traceback
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=_retry_helps,
    persist_result=False,
    cache_policy=NO_CACHE,
)
def run_stage(stage: str, workspace: Path, running: RunningStages, known_unchanged: bool = False) -> "State[Any]":
    """Bring one stage up to date; its state in Prefect is named after what was done (Ran, Restored, Unchanged).

    ``known_unchanged`` says that DVC has already found the stage and everything before it as recorded.
    """
    if known_unchanged:
        outcome = StageOutcome(stage, "unchanged", 0.0)
    else:
        outcome = reproduce(stage, workspace, running, get_run_logger().info)
    if outcome.state in ("failed", "stopped"):
        return Failed(message=f"{stage}: {outcome.message}", name=outcome.state.capitalize(), data=outcome)
    return Completed(
        message=f"{outcome.state} in {outcome.seconds:.1f} s", name=outcome.state.capitalize(), data=outcome
    )
