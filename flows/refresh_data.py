"""Take a new release of a raw dataset: validate it apart, report how it differs, and only then replace the old one."""

import tempfile
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State
from pydantic import BaseModel, ConfigDict, Field

from flows.environment import workspace_above
from flows.workspace_lock import held
from setwise.errors import InputError
from setwise.inputs import reads_under
from setwise.params import load_params
from tasks.artifacts import show_table
from tasks.drift import Drift, compare
from tasks.raw_data import Release, adopt, check_release, prepare_apart

OnDrift = Literal["report", "refuse"]


class NewRelease(BaseModel):
    """A release to take: where its files lie, and what is recorded with them."""

    model_config = ConfigDict(frozen=True)
    dataset: str = Field(description="Name of the folder under raw/ that it becomes or replaces.")
    files: str = Field(description="Folder that holds the release's files now.")
    source: str = Field(description="Where the release comes from: an address, a paper, a contact.")
    revision: str = Field(description="Its version, as the source names it.")
    licence: str = Field(description="The licence it is used under.")


@flow(
    name="refresh-data",
    description="Validates a new release of a raw dataset, reports drift, and takes it if it is sound.",
    persist_result=False,
)
def refresh_data(
    release: NewRelease, on_drift: OnDrift = "report", threshold: float = 0.1, workspace: str = "."
) -> "State[Any]":
    """Take the release. The returned state's data is the list of ``Drift`` (empty for a first release).

    Args:
        release: The release and where it comes from.
        on_drift: What to do when it differs from the current version: report it and take it, or refuse it.
        threshold: Effect size (0 to 1) above which a difference counts as drift.
        workspace: Folder of the clone whose raw/ is refreshed.
    """
    logger = get_run_logger()
    folder = workspace_above(Path(workspace))
    taken = Release(**{**release.model_dump(), "files": Path(release.files).expanduser()})
    try:
        check_release(taken)
        with held(folder, "wait", logger.info):
            drifts = _examine(folder, taken, threshold)
            refused = on_drift == "refuse" and any(drift.drifted for drift in drifts)
            if drifts:
                show_table([drift.row() for drift in drifts], key="drift", description=str(taken.folder))
            if refused:
                return Failed(name="Refused", message=f"{taken.dataset}: {_describe(drifts)}", data=drifts)
            tracked = adopt(folder, taken).relative_to(folder)
    except InputError as error:
        return Failed(message=str(error), data=[])
    logger.info(f"{_describe(drifts)}; commit {tracked} to keep this version, then bring the stages up to date")
    return Completed(message=f"{taken.dataset}: taken, revision {taken.revision}; {_describe(drifts)}", data=drifts)


def _examine(workspace: Path, release: Release, threshold: float) -> list[Drift]:
    """Validate the release; compare its training split with the current version's, prepared by the same params."""
    if not reads_under(load_params(workspace / "params.yaml"), release.folder):
        raise InputError(f"params.yaml: domain: reads nothing under {release.folder}; point it there first")
    with tempfile.TemporaryDirectory() as scratch:
        place, name = workspace / release.folder, release.dataset
        new = prepare_apart(workspace, Path(scratch) / "new", release.files, name, ("prepare", "validate"))
        if not place.is_dir():
            return []
        current = prepare_apart(workspace, Path(scratch) / "current", place, name, ("prepare",))
        return _compare(current, new, threshold)


def _compare(current: Path, new: Path, threshold: float) -> list[Drift]:
    from setwise.domains.parquet import read_examples

    return compare(read_examples(current / "train.parquet"), read_examples(new / "train.parquet"), threshold)


def _describe(drifts: list[Drift]) -> str:
    if not drifts:
        return "first version"
    found = [f"{drift.what} ({drift.statistic} {drift.value:.3f})" for drift in drifts if drift.drifted]
    return f"drift in {', '.join(found)}" if found else "no drift"
