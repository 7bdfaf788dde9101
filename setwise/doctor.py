"""`setwise doctor`: what is installed, which accelerator and engine there are, what is missing."""

from __future__ import annotations

import importlib.util
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
    return [*_packages(), _accelerator(), _engine(), *_programs(), *_workspace(workspace)]


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


def _engine() -> Finding:
    if importlib.util.find_spec("vllm") is None:
        return Finding(
            "engine",
            "ok",
            "transformers (vllm is not installed: `pip install -c constraints.txt -e '.[vllm]'` on a GPU machine)",
        )
    import torch

    name = "vllm" if torch.cuda.is_available() else "transformers (vllm is installed, but there is no GPU)"
    return Finding("engine", "ok", name)


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


def _workspace(workspace: Path) -> list[Finding]:
    from setwise.errors import InputError
    from setwise.params import load_params

    try:
        params = load_params(workspace / "params.yaml")
    except InputError as error:
        return [Finding("params.yaml", "missing", str(error))]
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
