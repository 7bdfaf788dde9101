"""MLflow: one run per (method, K, seed) in experiment `setwise/<domain>`; training opens it, evaluation adds to it.

The tracking store is `mlruns/mlflow.db` with artifacts beside it, unless `MLFLOW_TRACKING_URI` says otherwise. Where it
can't be reached, `TrackingError` says so in one line.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.redact import redact
from setwise.tracking_store import database_address, given_address, home_of, not_writable, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as StoredRun

    from setwise.params import Params

log = logging.getLogger("setwise.tracking")

WEIGHTS_TAG = "setwise.weights"
"""Tag of a run: the sha256 of the weights it trained, by which evaluation finds it."""
EVALUATION_TAG = "setwise.evaluation"
"""Tag of a run: the digest of what it was evaluated with (the params of evaluation and the test split)."""
TEST_TAG = "setwise.test"
"""Tag of a run: the digest of the test split it was evaluated on; figures on different ones are not compared."""
_FAILURE_TAG = "setwise.failure"
CHALLENGER, CHAMPION = "challenger", "champion"
"""Aliases of a domain's registered model."""
_LONGEST_PARAM = 500
_RUNS_A_PAGE = 1000
_IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""MLflow's own defaults wait four minutes for a server that is away, at every request; training would stand still."""


class TrackingError(RuntimeError):
    """The tracking store can't be reached, or refuses what is asked of it."""


@contextmanager
def said_in_one_line(uri: str = "", files: bool = True) -> Iterator[None]:
    """Turn what MLflow raises about the store at `uri`, and with `files` what the file system does, into one line.

    Raises:
        TrackingError: for all of these.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    kinds: tuple[type[Exception], ...] = (MlflowException, SQLAlchemyError, *([OSError] if files else []))
    try:
        yield
    except kinds as error:
        is_write = isinstance(error, OSError) or "sqlite3.OperationalError" in str(error)
        if is_write and (shut := not_writable(uri)):
            raise TrackingError(f"{shown(shut)}: tracking can't write there; make it writable and run again") from error
        where = redact(os.environ.get("MLFLOW_TRACKING_URI") or "mlruns/mlflow.db")
        reason = redact(" ".join(str(error).split()))
        raise TrackingError(
            f"tracking at {where}: {reason:.160}; start the server or mend the store, or unset MLFLOW_TRACKING_URI"
        ) from error


def run_name(method: str, k: int, seed: int) -> str:
    """The name of the run of one method, K and seed."""
    return f"{method}-k{k}-seed{seed}"


def search_all_runs(
    client: MlflowClient, experiments: Sequence[str], query: str = "", order_by: Sequence[str] = ("start_time",)
) -> Iterator[StoredRun]:
    """Every run of the experiments that the query finds, page by page: the store gives at most a page at a time."""
    token: str | None = None
    while True:
        page = client.search_runs(
            list(experiments), query, order_by=list(order_by), max_results=_RUNS_A_PAGE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def model_name(domain: str) -> str:
    """The registered model of a domain."""
    return f"setwise-{domain}"


def get_client(workspace: Path = Path()) -> MlflowClient:
    """The client of the workspace's tracking store.

    Stages run side by side, and MLflow's first use of a new database sets it up without a lock: one does it, the
    others wait.

    Raises:
        InputError: no address can lead to the workspace's store.
        TrackingError: the workspace's store can't be used, or the driver of the given database is not installed.
    """
    import mlflow
    from filelock import FileLock

    for name, value in _IMPATIENT.items():
        os.environ.setdefault(name, value)
    folder = (home_of(workspace) / "mlruns").resolve()
    uri = (given := given_address()) or database_address(home_of(workspace))
    mlflow.set_tracking_uri(uri)
    if not given:  # MLflow has put its own there; the next workspace's client must not find this one's
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    if not uri.startswith("sqlite"):
        try:
            return mlflow.MlflowClient(uri)
        except ModuleNotFoundError as error:
            raise TrackingError(
                f"tracking at {redact(uri)}: package {error.name} is not installed; install this database's driver, "
                "or unset MLFLOW_TRACKING_URI"
            ) from error
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs, with a traceback, what it raises
    with said_in_one_line(uri):
        folder.mkdir(parents=True, exist_ok=True)
        # What stands in a folder that can't be written can still be read; what does not can't be set up.
        is_readable_only = not_writable(uri) is not None and (folder / "mlflow.db").exists()
        with nullcontext() if is_readable_only else FileLock(folder / ".setup.lock"):
            client = mlflow.MlflowClient(uri)
            client.search_experiments(max_results=1)
    return client


def get_experiment(client: MlflowClient, domain: str, workspace: Path = Path()) -> str:
    """The id of experiment `setwise/<domain>`, made if it is not there (by another process at the same time, too)."""
    from mlflow.exceptions import MlflowException

    name = f"setwise/{domain}"
    found = client.get_experiment_by_name(name)
    if found is None:
        served = os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http")
        location = None if served else (home_of(workspace) / "mlruns" / "artifacts" / domain).resolve().as_uri()
        try:
            # Opens the pages of training runs; without it MLflow 3 opens those of traces, which stay empty here.
            kind = {"mlflow.experimentKind": "custom_model_development"}
            return str(client.create_experiment(name, artifact_location=location, tags=kind))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested params as `section.key` → text, as MLflow stores them."""
    flat: dict[str, str] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)[:_LONGEST_PARAM]
    return flat


class Run:
    """One MLflow run that is written to by its id, from any thread or process."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics at a step; what is not finite is left out, since MLflow's charts can't show it."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entries = [Metric(key, float(v), now, step) for key, v in metrics.items() if math.isfinite(float(v))]
        if entries:
            with said_in_one_line(self.client.tracking_uri):
                self.client.log_batch(self.run_id, metrics=entries)

    def held_steps(self) -> dict[str, set[int]]:
        """The steps at which the run holds each metric."""
        with said_in_one_line(self.client.tracking_uri):
            names = self.client.get_run(self.run_id).data.metrics
            return {name: {m.step for m in self.client.get_metric_history(self.run_id, name)} for name in names}

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        with said_in_one_line(self.client.tracking_uri):
            for key, value in tags.items():
                self.client.set_tag(self.run_id, key, value)

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Keep a file with the run."""
        with said_in_one_line(self.client.tracking_uri):
            self.client.log_artifact(self.run_id, str(path), folder)

    def finish(self, status: str = "FINISHED") -> None:
        """End the run: `FINISHED` or `FAILED`."""
        with said_in_one_line(self.client.tracking_uri):
            self.client.set_terminated(self.run_id, status)


def start_run(params: Params, method: str, datasets: Mapping[str, str], tags: Mapping[str, str]) -> Run:
    """Open the run of a method: the params flattened, the dataset digests as inputs.

    Args:
        params: all params; logged as `section.key`.
        method: names the run with K and seed.
        datasets: split → digest.
        tags: further tags.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag, Param

    client = get_client()
    name = run_name(method, params.k, params.seed)
    fixed = {
        "mlflow.runName": name,
        "setwise.method": method,
        "setwise.k": str(params.k),
        "setwise.seed": str(params.seed),
    }
    flat = flatten(params.model_dump(mode="json"))
    inputs = [
        DatasetInput(
            Dataset(
                name=f"{params.domain.name}/{split}",
                digest=digest[:36],
                source_type="local",
                source=f'{{"uri": "data/{params.domain.name}/{split}.parquet"}}',
            ),
            [InputTag("mlflow.data.context", split)],
        )
        for split, digest in datasets.items()
    ]
    with said_in_one_line(client.tracking_uri):
        experiment = get_experiment(client, params.domain.name)
        given = json.loads(os.environ.get("MLFLOW_RUN_CONTEXT", "{}"))  # as `mlflow.start_run` reads it: a sweep's tags
        run_id = client.create_run(experiment, run_name=name, tags={**given, **fixed, **tags}).info.run_id
        client.log_batch(run_id, params=[Param(key, value) for key, value in sorted(flat.items())])
        client.log_inputs(run_id, datasets=inputs)
    return Run(client, run_id)


def reopen_run(run_id: str) -> Run | None:
    """The run of an interrupted training, running again; None where it is no longer there."""
    from mlflow.exceptions import MlflowException

    client = get_client()
    with said_in_one_line(client.tracking_uri):
        try:
            found = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        if found.info.lifecycle_stage != "active":
            return None
        client.update_run(run_id, status="RUNNING")
        if _FAILURE_TAG in found.data.tags:
            client.delete_tag(run_id, _FAILURE_TAG)
    return Run(client, run_id)


def find_run(domain: str, weights: str, evaluation: str | None = None) -> Run | None:
    """The newest run of the domain's experiment that trained the weights with this digest.

    With `evaluation`, a digest of what evaluates them, one that was evaluated so, or else not yet.
    """
    client = get_client()
    with said_in_one_line(client.tracking_uri):
        experiment = get_experiment(client, domain)
        query = f"tags.`{WEIGHTS_TAG}` = '{weights}'"
        found = list(search_all_runs(client, [experiment], query, order_by=["start_time DESC"]))
    if evaluation is not None:
        fit = {evaluation: 0, None: 1}
        found = [run for run in found if run.data.tags.get(EVALUATION_TAG) in fit]
        found.sort(key=lambda run: fit[run.data.tags.get(EVALUATION_TAG)])
    return Run(client, found[0].info.run_id) if found else None


@contextmanager
def failing(run: Run) -> Iterator[None]:
    """Mark the run failed when the block raises; what it raised is raised on, whether or not the mark could be set."""
    try:
        yield
    except BaseException as error:
        try:
            run.set_tags({_FAILURE_TAG: redact(" ".join(str(error).split()))[:500] or type(error).__name__})
            run.finish("FAILED")
        except TrackingError as away:
            log.warning("%s; the run is not marked as failed", away)
        raise
