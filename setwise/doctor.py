"""`setwise doctor`: what is installed, which accelerator and engine there are, what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from setwise.params import Params

Verdict = Literal["ok", "note", "missing"]

_PACKAGES = {
    "torch": "2.13.0",
    "transformers": "5.23.0",
    "trl": "1.16.0",
    "peft": "0.21.2",
    "accelerate": "1.15.0",
    "datasets": "5.2.0",
    "prefect": "3.7.7",
    "fastapi": "0.136.3",
    "mlflow": "3.17.2",
    "dvc": "3.67.1",
    "great-expectations": "1.24.1",
    "math-verify": "0.9.0",
}
"""The versions that were seen to work together."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    verdict: Verdict
    detail: str


def examine(workspace: Path = Path()) -> list[Finding]:
    """Look at this machine and workspace; never raises for what is missing."""
    from setwise.errors import InputError
    from setwise.params import load_params

    machine = [*_packages(), _accelerator(), *_programs()]
    try:
        params = load_params(workspace / "params.yaml")
    except InputError as error:
        return [
            *machine,
            Finding("engine", "note", "the params say which"),
            Finding("params.yaml", "missing", str(error)),
        ]
    return [*machine, _engine(params), *_workspace(params, workspace)]


def _packages() -> list[Finding]:
    findings = [Finding("python", "ok" if sys.version_info[:2] == (3, 11) else "note", sys.version.split()[0])]
    for name, tested in _PACKAGES.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(name, "missing", "run `pip install -c constraints.txt -e .`"))
            continue
        same = version.split("+")[0] == tested
        findings.append(Finding(name, "ok" if same else "note", version if same else f"{version} (tested: {tested})"))
    return findings


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return Finding("accelerator", "ok", names)
    return Finding("accelerator", "note", f"none; {os.cpu_count()} processors, models train on the CPU")


def _engine(params: Params) -> Finding:
    """The engine that evaluates by these params, and whether what it needs is there."""
    from setwise.engines.pick import choose_engine
    from setwise.engines.vllm import is_vllm_installed

    name, reason = choose_engine(params)
    said, endpoint = f"{name} ({reason})", params.evaluate.endpoint
    if name == "vllm" and not is_vllm_installed():
        remedy = "not installed: `pip install -c constraints.txt -e '.[vllm]'` on a GPU machine, or use transformers"
        return Finding("engine", "missing", f"{said}; {remedy}")
    if (
        name == "openai"
        and endpoint is not None
        and endpoint.key_variable
        and not os.environ.get(endpoint.key_variable)
    ):
        return Finding("engine", "missing", f"{said}; export {endpoint.key_variable}, which holds its key")
    return Finding("engine", "ok", said)


def _programs() -> list[Finding]:
    wanted = {
        "git": "needed by DVC",
        "bwrap": "stronger isolation of code answers; without it Python's own means are used",
        "chromium": "only the report's browser tests need it",
    }
    return [
        Finding(name, "ok", path)
        if (path := shutil.which(name))
        else Finding(name, "missing" if name == "git" else "note", f"not found: {why}")
        for name, why in wanted.items()
    ]


def _workspace(params: Params, workspace: Path) -> list[Finding]:
    findings = [
        Finding("params.yaml", "ok", f"domain {params.domain.name}, K = {params.k}, {', '.join(params.methods)}")
    ]
    findings += [_data(params, workspace)]
    trained = [m for m in params.methods if (workspace / "models" / m).is_dir()]
    detail = ", ".join(trained) if trained else "none yet: `make run` trains them"
    return [*findings, Finding("trained models", "ok" if trained else "note", detail)]


def _data(params: Params, workspace: Path) -> Finding:
    from setwise.inputs import data_files, is_prepared, missing_data

    if (missing := missing_data(params)) is not None:
        return Finding("data", "note" if is_prepared(params, workspace) else "missing", missing)
    return Finding("data", "ok", ", ".join(data_files(params).values()) or f"made by the domain {params.domain.name}")
