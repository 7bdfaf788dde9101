"""The registered model of a domain in MLflow: register a challenger, note what the gate decided, promote, roll back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from setwise.ask import Asking
from setwise.digests import weights_digest
from setwise.errors import InputError
from setwise.evaluation import MetricsReport, Store, StoreKey
from setwise.params import Params
from setwise.registry.card import Card
from setwise.registry.gate import Decision
from setwise.serving.package import Defaults, package_model
from setwise.tracking import CHALLENGER, CHAMPION, WEIGHTS_TAG, Run, get_client, get_experiment, model_name, run_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

WEIGHTS, SERVED, GATE, REPLACED, ROLLED_BACK = (
    f"setwise.{tag}" for tag in ("weights", "served", "gate", "replaced", "rolled_back")
)
"""Tags of a version: the weights' sha256; that of the settings it is served with; the gate's decision as JSON; the
champion that it took over from; since when it may not become champion again."""
_STORES = "gate"


@dataclass(frozen=True)
class Candidate:
    """An evaluated model.

    Attributes:
        params: it was trained and evaluated by.
        method: it was trained by.
        weights: its folder.
        store: its generations by protocol `one`.
        report: the metrics of that store.
        data: split → sha256 of the prepared file.
        example: a question for the input example.
    """

    params: Params
    method: str
    weights: Path
    store: Path
    report: MetricsReport
    data: Mapping[str, str]
    example: str


def register_challenger(candidate: Candidate, workspace: Path = Path()) -> ModelVersion:
    """Register an evaluated model as challenger; one that is registered already, to be served so, gets a fresh card.

    The champion stays that alone.

    Raises:
        InputError: the evaluation is of other weights than those in the folder.
    """
    digest = weights_digest(candidate.weights)
    key = Store(candidate.store).key
    if key.weights != digest:
        raise InputError(
            f"{candidate.store}: answers of weights {key.weights[:12]}…, in {candidate.weights} are {digest[:12]}…; "
            f"run `dvc repro judge@{candidate.method}`"
        )
    client = get_client(workspace)
    name = model_name(candidate.params.domain.name)
    settings = _Settings.of(candidate)
    found = find_version(client, name, digest, settings.digest)
    if found is None:
        found = _create(client, name, candidate, digest, settings, workspace)
    card = Card.of(candidate.params, candidate.method, candidate.data, candidate.report)
    for tag, value in card.tags().items():
        client.set_model_version_tag(name, found.version, tag, value)
    client.update_model_version(name, found.version, card.to_markdown())
    keep_store(client, found, candidate.store)
    champion = get_aliased(client, name, CHAMPION)
    if champion is None or str(champion.version) != str(found.version):
        client.set_registered_model_alias(name, CHALLENGER, found.version)
    return client.get_model_version(name, found.version)


def find_version(client: MlflowClient, name: str, weights: str, served: str) -> ModelVersion | None:
    """The newest version with these weights that is served with these settings."""
    found = [version for version in _versions_of(client, name, weights) if version.tags.get(SERVED) == served]
    return max(found, key=lambda version: int(version.version), default=None)


def _versions_of(client: MlflowClient, name: str, weights: str) -> list[ModelVersion]:
    return list(client.search_model_versions(f"name = '{name}' and tags.`{WEIGHTS}` = '{weights}'"))


def get_aliased(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """The version that an alias stands for, if any."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


@dataclass(frozen=True)
class _Settings:
    """What a served model is packaged with beside its weights."""

    asking: Asking
    defaults: Defaults
    dtype: str

    @classmethod
    def of(cls, candidate: Candidate) -> _Settings:
        params = candidate.params
        defaults = Defaults(params.registry.temperature, params.registry.retry)
        return cls(Asking.of(params, candidate.method, candidate.weights), defaults, params.model.dtype)

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def _create(
    client: MlflowClient, name: str, candidate: Candidate, digest: str, settings: _Settings, workspace: Path
) -> ModelVersion:
    """A new version: the model packaged into the run that trained it. Weights that were rolled back stay barred."""
    run = _run_of(client, candidate, digest, workspace)
    packaged = package_model(
        run.run_id,
        candidate.weights,
        settings.asking,
        settings.defaults,
        settings.dtype,
        candidate.example,
        candidate.params.model.trust_remote_code,
    )
    _ensure_model(client, name)
    tags = {WEIGHTS: digest, SERVED: settings.digest}
    if since := [v.tags[ROLLED_BACK] for v in _versions_of(client, name, digest) if ROLLED_BACK in v.tags]:
        tags[ROLLED_BACK] = since[-1]
    return client.create_model_version(name, packaged.model_uri, run.run_id, tags=tags, model_id=packaged.model_id)


def _run_of(client: MlflowClient, candidate: Candidate, digest: str, workspace: Path) -> Run:
    """The newest run with these weights; one of its own where the model was restored and never tracked here."""
    params = candidate.params
    experiment = get_experiment(client, params.domain.name, workspace)
    query = f"tags.`{WEIGHTS_TAG}` = '{digest}'"
    if found := client.search_runs([experiment], query, max_results=1, order_by=["start_time DESC"]):
        return Run(client, found[0].info.run_id)
    name = run_name(candidate.method, params.k, params.seed)
    tags = {WEIGHTS_TAG: digest, "setwise.method": candidate.method, "setwise.stage": "register"}
    run = Run(client, client.create_run(experiment, run_name=name, tags=tags).info.run_id)
    values = {name: entry["value"] for name, entry in candidate.report["metrics"].items() if entry["value"] is not None}
    run.log_metrics({f"eval/{name}": value for name, value in values.items()})
    return run


def _ensure_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description="Answer sets with calibrated confidences; see each version.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def store_name(key: StoreKey) -> str:
    """The file name of a version's generations for these questions, sampled so."""
    sampling = hashlib.sha256(json.dumps(asdict(key.sampling), sort_keys=True).encode()).hexdigest()
    return f"{key.questions[:16]}-{sampling[:8]}.parquet"


def keep_store(client: MlflowClient, version: ModelVersion, store: Path) -> None:
    """Keep a version's generations with its run, so that later challengers are compared with them."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        named = Path(scratch) / store_name(Store(store).key)
        shutil.copyfile(store, named)
        client.log_artifact(version.run_id, str(named), _STORES)


def kept_store(client: MlflowClient, version: ModelVersion, key: StoreKey, folder: Path) -> Path | None:
    """A version's generations for the questions and sampling of `key`, fetched into `folder`; None if never made."""
    wanted, run_id = f"{_STORES}/{store_name(key)}", str(version.run_id)
    if wanted not in {item.path for item in client.list_artifacts(run_id, _STORES)}:
        return None
    return Path(client.download_artifacts(run_id, wanted, str(folder)))


def note_decision(client: MlflowClient, name: str, decision: Decision) -> None:
    """Store what the gate decided on the challenger's version."""
    client.set_model_version_tag(name, decision.challenger, GATE, decision.to_json())


def promote(client: MlflowClient, name: str, decision: Decision, approved_by: str | None = None) -> None:
    """Make the challenger champion.

    Raises:
        InputError: the gate refused it, or the champion has changed since the gate decided.
    """
    if not decision.passed:
        raise InputError(f"{name} version {decision.challenger}: the gate refused it: {decision.reason}")
    champion = get_aliased(client, name, CHAMPION)
    if (None if champion is None else str(champion.version)) != decision.champion:
        raise InputError(
            f"{name}: the champion has changed since the gate decided; run `python -m flows.promote` again"
        )
    tags = {REPLACED: decision.champion or "", "setwise.champion_since": _now()}
    if approved_by is not None:
        tags["setwise.approved_by"] = approved_by
    for tag, value in tags.items():
        client.set_model_version_tag(name, decision.challenger, tag, value)
    client.set_registered_model_alias(name, CHAMPION, decision.challenger)
    challenger = get_aliased(client, name, CHALLENGER)  # another may have been registered since the gate decided
    if challenger is not None and str(challenger.version) == decision.challenger:
        client.delete_registered_model_alias(name, CHALLENGER)


def roll_back(domain: str, workspace: Path = Path()) -> tuple[str, str]:
    """Give the title back to the champion before; return the versions (from, to). The one rolled back is barred.

    Raises:
        InputError: there is no champion, or none before it.
    """
    client, name = get_client(workspace), model_name(domain)
    champion = get_aliased(client, name, CHAMPION)
    if champion is None:
        raise InputError(f"{name}: no champion to roll back; run `python -m flows.promote`")
    before = champion.tags.get(REPLACED)
    if not before:
        raise InputError(f"{name} version {champion.version}: the first champion; there is none to go back to")
    client.get_model_version(name, before)
    client.set_model_version_tag(name, champion.version, ROLLED_BACK, _now())
    client.set_registered_model_alias(name, CHAMPION, before)
    return str(champion.version), before


def barred(version: ModelVersion) -> str | None:
    """Why a version may not become champion; None where it may."""
    since = version.tags.get(ROLLED_BACK)
    return f"rolled back on {since}; delete its tag {ROLLED_BACK} to let it try again" if since else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
