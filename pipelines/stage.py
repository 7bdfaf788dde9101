"""What every stage has in common: command line, one-line errors, outputs that appear whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from setwise.errors import InputError
from setwise.params import Params, load_params
from setwise.quiet import turn_telemetry_off
from setwise.redact import Redacting, redact
from setwise.tracking import TrackingError
from setwise.tracking_store import require_usable

log = logging.getLogger("setwise")


class StageFailure(RuntimeError):  # noqa: N818 - named for what the user reads
    """A stage that did its work as told and cannot end well; one line says why and what to do."""


def run_stage(name: str, stage: Callable[[Params], None]) -> None:
    """Run a stage that works on the whole workspace: `python -m pipelines.<name>`."""
    _parser(name).parse_args()
    _run(lambda: stage(_prepare()))


def run_method_stage(name: str, stage: Callable[[Params, str], None]) -> None:
    """Run a stage that works on one method: `python -m pipelines.<name> --method M`."""
    parser = _parser(name)
    parser.add_argument("--method", required=True, help="one of params.yaml: methods")
    method = parser.parse_args().method

    def run() -> None:
        params = _prepare()
        if method not in params.methods:
            raise InputError(f"--method {method}: not in params.yaml: methods; use one of {', '.join(params.methods)}")
        stage(params, method)

    _run(run)


def _parser(name: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m pipelines.{name}", description=f"The stage {name} of dvc.yaml.")


def _prepare() -> Params:
    """Read the params before anything else; quiet the libraries; fix the number of threads."""
    require_usable(Path())
    params = load_params()
    turn_telemetry_off()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # live lines instead: bars of libraries garble the flow's log
    os.environ["OMP_NUM_THREADS"] = str(params.threads)
    # Waiting threads spin briefly, then sleep: two stages of two threads each on two cores hardly moved otherwise.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    is_main = os.environ.get("RANK", "0") == "0"  # the processes of one launch speak once
    level = logging.INFO if is_main else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Redacting())
    for noisy in ("alembic", "datasets", "great_expectations", "httpx", "mlflow", "transformers", "trl"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning)
    return params


def revision() -> str | None:
    """The commit of the code, as git describes it; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty=, with uncommitted changes", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


@contextlib.contextmanager
def _last_good_outputs_named() -> Iterator[None]:
    """DVC removed the stage's outputs before it started it: where that fails, say what brings the last good ones."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        stage, is_main = os.environ.get("DVC_STAGE"), os.environ.get("RANK", "0") == "0"
        if stage and is_main:
            sys.stderr.write(f"the outputs of the last good run, if any, come back by `dvc checkout {stage}`\n")
        raise


def _run(stage: Callable[[], None]) -> None:
    try:
        with _last_good_outputs_named():
            stage()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(InputError.exit_code)
    except (StageFailure, TrackingError) as error:
        sys.stderr.write(f"error: {redact(str(error))}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run again to go on\n")
        sys.exit(130)


@contextlib.contextmanager
def alone_in(workdir: Path, doing: str) -> Iterator[None]:
    """Hold a working folder; who holds it already is waited for and named, and its work is there to be taken over.

    The lock ends with its holder. One whose DVC was killed works on to its end.
    """
    workdir.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(workdir.with_name(f".{workdir.name}.lock")), workdir.with_name(f".{workdir.name}.holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        log.info("%s: %s %s there; waiting until it has ended", workdir, who, doing)
        lock.acquire()
    try:
        write_whole(holder, f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to write to; on success it takes the place of `path`, on failure `path` stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.writing")
    old = path.with_name(f".{path.name}.replaced")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if path.exists():
        path.rename(old)
    fresh.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.writing")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
