"""`setwise compare A B`: two evaluated runs by name, id, method or `champion`, compared question by question.

A run may be followed by `/` and a protocol, as in `rlvr_single/sample-3`; without, it is one generation. The
generations are taken from the workspace where they are those of the run's weights, else from the tracking store, and
judged anew: the two may have been judged by different code.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.evaluation import Store, judge, text_digest
from setwise.evaluation.compare import Row, compare
from setwise.methods import METHODS
from setwise.metrics.catalogue import VALID, in_order, metric
from setwise.metrics.estimates import decimals, number, with_interval
from setwise.params import Params, load_params
from setwise.registry.versions import get_aliased
from setwise.tracking import CHAMPION, WEIGHTS_TAG, get_client, model_name, said_in_one_line

if TYPE_CHECKING:
    from mlflow.entities import Run as TrackingRun

_RUN_ID = 32


@dataclass(frozen=True)
class Evaluated:
    """A run that was found.

    Attributes:
        name: of the run.
        run_id: in the tracking store; empty where the workspace alone has it.
        protocol: whose generations are compared.
        path: the file of the generations.
    """

    name: str
    run_id: str
    protocol: str
    path: Path


def compare_runs(a: str, b: str, workspace: Path = Path()) -> list[Row]:
    """Paired differences of every metric, `b` against `a`, over the test questions of the workspace.

    Raises:
        InputError: a run is not known or was not evaluated, or the two were evaluated on other questions.
        TrackingError: the tracking store can't be reached.
    """
    params = load_params(workspace / "params.yaml")
    examples = read_examples(workspace / "data" / params.domain.name / "test.parquet")
    expected = text_digest([example.question for example in examples])
    with tempfile.TemporaryDirectory() as scratch:
        with said_in_one_line(files=False):
            found = [resolve(name, params, workspace, Path(scratch)) for name in (a, b)]
        for run in found:
            if Store(run.path).key.questions != expected:
                raise InputError(
                    f"{run.name}: evaluated on other questions than data/{params.domain.name}/test.parquet; "
                    "bring its data and params back (`dvc checkout`), or evaluate both runs on the same split"
                )
        judged = [judge(run.path, examples, Path(scratch) / f"{i}.parquet") for i, run in enumerate(found)]
        return compare(judged[0], judged[1], examples, params.evaluate.resamples, params.seed)


def resolve(name: str, params: Params, workspace: Path, scratch: Path) -> Evaluated:
    """The run that `name` means; of several with one name, the newest.

    Args:
        name: `champion`, a run's name or id, or a method of the workspace; perhaps `/protocol`.
        params: of the workspace; their domain says which experiment is searched.
        workspace: where evaluations and the tracking store are.
        scratch: where generations that only the tracking store has are put.
    """
    wanted, _, protocol = name.partition("/")
    protocol = protocol or "one"
    local = workspace / "reports" / "evaluation"
    if wanted in METHODS:
        path = local / wanted / f"{protocol}.parquet"
        if not path.exists():
            remedy = f"run `dvc repro judge@{wanted}`, or name another of {_listed(path.parent)}"
            raise InputError(f"{name}: no evaluation {path}; {remedy}")
        return Evaluated(name, "", protocol, path)
    run = _find(wanted, params.domain.name, workspace)
    path = local / str(run.data.tags.get("setwise.method")) / f"{protocol}.parquet"
    if not path.exists() or Store(path).key.weights != run.data.tags.get(WEIGHTS_TAG):
        path = _download(run, protocol, name, workspace, scratch)
    return Evaluated(str(run.info.run_name), run.info.run_id, protocol, path)


def _listed(folder: Path) -> str:
    return ", ".join(sorted(path.stem for path in folder.glob("*.parquet"))) or "those that are there (none)"


def _find(wanted: str, domain: str, workspace: Path) -> TrackingRun:
    from mlflow.exceptions import MlflowException

    client = get_client(workspace)
    if wanted == CHAMPION:
        model = model_name(domain)
        version = get_aliased(client, model, CHAMPION)
        if version is None:
            remedy = "promote one first, or name a run"
            raise InputError(f"{CHAMPION}: registered model {model} has no such alias; {remedy}")
        return client.get_run(str(version.run_id))
    if len(wanted) == _RUN_ID and set(wanted) <= set("0123456789abcdef"):
        try:
            return client.get_run(wanted)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise InputError(f"{wanted}: no run with this id in the tracking store") from error
    experiment = client.get_experiment_by_name(f"setwise/{domain}")
    ids = [experiment.experiment_id] if experiment else []
    query = "tags.`mlflow.runName` = '{}'".format(wanted.replace("'", ""))
    runs = client.search_runs(ids, query, order_by=["start_time DESC"], max_results=1) if ids else []
    if not runs:
        known = client.search_runs(ids, order_by=["start_time DESC"], max_results=20) if ids else []
        names = ", ".join(dict.fromkeys(str(run.info.run_name) for run in known)) or "none yet"
        raise InputError(f"{wanted}: no such run in experiment setwise/{domain}; runs: {names}")
    return runs[0]


def _download(run: TrackingRun, protocol: str, name: str, workspace: Path, scratch: Path) -> Path:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    target = scratch / run.info.run_id
    target.mkdir(exist_ok=True)
    client, kept = get_client(workspace), f"evaluation/{protocol}.parquet"
    with said_in_one_line():
        if kept in {item.path for item in client.list_artifacts(run.info.run_id, "evaluation")}:
            return Path(client.download_artifacts(run.info.run_id, kept, str(target)))
    raise InputError(
        f"{name}: run {run.info.run_name} keeps no generations of protocol {protocol}; evaluate it again, "
        "or compare one generation, which every evaluated run keeps"
    )


def table(rows: list[Row], a: str, b: str) -> list[tuple[str, ...]]:
    """The rows as text, header first: metric, both values, the difference with its interval, the verdict on `b`."""
    lines: list[tuple[str, ...]] = [("metric", a, b, f"{b} \u2212 {a}", "verdict")]
    known = {row.metric: row for row in rows}
    for row in (known[name] for names in in_order(known).values() for name in names):
        difference = {"value": row.difference, "lo": row.lo, "hi": row.hi}
        places = decimals([difference])
        change = with_interval(difference, sign=True)
        name = metric(row.metric).label + (" (valid)" if row.metric.endswith(VALID) else "")
        lines.append((name, number(row.a, places), number(row.b, places), change, row.verdict))
    return lines


def to_json(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows as JSON objects."""
    return [row.to_json() for row in rows]
