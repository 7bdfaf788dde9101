"""Prefect tasks of the registry: register what was evaluated, hold the gate, move the title; and what they show."""

from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.paths import evaluation_folder, model_folder, split_path
from setwise.errors import InputError

if TYPE_CHECKING:
    from setwise.params import Params
    from setwise.registry import Candidate, Check, Decision

Row = dict[str, str]


def load_workspace_params(workspace: Path) -> "Params":
    """The params of a workspace. Raises InputError for what is wrong in them."""
    from setwise.params import load_params

    return load_params(workspace / "params.yaml")


def evaluated(workspace: Path, params: "Params", method: str | None = None) -> "Candidate":
    """What stands in the workspace, evaluated, for the registry: of ``method``, of the params' or of the fullest.

    Raises InputError when it is not trained or not evaluated.
    """
    import json

    from setwise.ask import default_method
    from setwise.digests import file_digest
    from setwise.domains.parquet import read_examples
    from setwise.params import get_methods
    from setwise.registry import Candidate

    name = method or params.registry.method or default_method(params, workspace / "models")
    get_methods(params, name)
    folder = workspace / evaluation_folder(name)
    weights, store, report = workspace / model_folder(name), folder / "one.parquet", folder / "one.json"
    for path in (weights, store, report):
        if not path.exists():
            raise InputError(f"{path}: not there; run `dvc repro judge@{name}`")
    data = {split: file_digest(workspace / split_path(params, split)) for split in ("train", "test")}
    example = read_examples(workspace / split_path(params, "test"))[0].question
    return Candidate(params, name, weights, store, json.loads(report.read_text(encoding="utf-8")), data, example)


@task(task_run_name="register", persist_result=False, cache_policy=NO_CACHE)
def register(workspace: Path, params: "Params", method: str | None) -> tuple[str, str]:
    """Register an evaluated model as challenger; return its method and its version."""
    from setwise.registry import register_challenger
    from setwise.tracking import said_in_one_line

    candidate = evaluated(workspace, params, method)
    with said_in_one_line(files=False):
        return candidate.method, str(register_challenger(candidate, workspace).version)


@task(task_run_name="gate for version {version}", persist_result=False, cache_policy=NO_CACHE)
def gate(workspace: Path, params: "Params", method: str, version: str) -> "Decision":
    """Hold the challenger against the champion on the test split."""
    from setwise.domains.parquet import read_examples
    from setwise.registry import hold_gate
    from setwise.tracking import get_client, model_name, said_in_one_line

    examples = read_examples(workspace / split_path(params, "test"))
    answers = workspace / evaluation_folder(method) / "one.parquet"
    with said_in_one_line(files=False):
        challenger = get_client(workspace).get_model_version(model_name(params.domain.name), version)
        return hold_gate(params, challenger, answers, examples, workspace)


@task(task_run_name="crown version {decision.challenger}", persist_result=False, cache_policy=NO_CACHE)
def crown(workspace: Path, domain: str, decision: "Decision", approved_by: str | None) -> None:
    """Make the challenger champion."""
    from setwise.registry import promote
    from setwise.tracking import get_client, model_name, said_in_one_line

    with said_in_one_line(files=False):
        promote(get_client(workspace), model_name(domain), decision, approved_by)


def decision_rows(decision: "Decision") -> list[Row]:
    """The gate's checks as rows of a table."""
    return [_row(check) for check in decision.checks]


def _row(check: "Check") -> Row:
    return {
        "metric": check.metric,
        "asked": "better" if check.role == "improvement" else f"at most {_number(check.limit)} worse",
        "champion": _number(check.champion),
        "challenger": _number(check.challenger),
        "difference": _number(check.difference),
        "95% interval": "–" if check.lo is None else f"[{_number(check.lo)}, {_number(check.hi)}]",
        "passed": "yes" if check.passed else "no",
        "why": check.why,
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def decision_line(domain: str, decision: "Decision") -> str:
    """The decision in one line."""
    against = "no champion" if decision.champion is None else f"champion version {decision.champion}"
    who = f"setwise-{domain} version {decision.challenger} against {against}"
    return f"{who}: {decision.verdict}: {decision.reason}"
