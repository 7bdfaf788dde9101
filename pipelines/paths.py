"""Where the stages put what they make, relative to the workspace; `dvc.yaml` names the same places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from setwise.errors import InputError
from setwise.params import Params

OUTSIDE = Path("raw/outside.json")
"""Digests of the files outside `raw/` that the params name (see `pipelines.inputs`); git has it, as the lock file."""
VALIDATION = Path("reports/validation.json")
DATA_DOCS = Path("reports/data_docs")
FAILED_DATA_DOCS = Path("reports/failed_data_docs")
CURVES = Path("reports/curves")
TRAINABLE = Path("reports/trainable.json")
"""Digest of each file that training reads; it is there once all data are valid."""
COMPLETIONS = Path("reports/completions")
EVALUATION = Path("reports/evaluation")
REPORT = Path("reports/report.html")
METRICS = Path("reports/metrics.json")
SCORES = Path("reports/scores")
PLOTS = Path("reports/plots")
SUMMARY = Path("reports/summary.md")
SWEEPS = Path("reports/sweeps")
CHECKPOINTS = Path("checkpoints")
"""Where trainings work, each in a folder named after its method; DVC knows nothing of it."""
GENERATING = CHECKPOINTS / "completions"
"""Where generations work: what is generated lies here until it is whole and DVC has recorded it."""


def data_folder(params: Params) -> Path:
    """The prepared splits and the vocabulary of the params' domain."""
    return Path("data") / params.domain.name


def split_path(params: Params, split: str) -> Path:
    """The Parquet file of one split."""
    return data_folder(params) / f"{split}.parquet"


def questions_path(params: Params) -> Path:
    """What is asked of a model, without what is right: `{"instruction": …, "questions": […]}` of the test split."""
    return data_folder(params) / "questions.json"


def read_json(path: Path) -> Any:
    """A JSON file of an earlier stage; `InputError` where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro` for the stage that makes it") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not readable as JSON ({error}); run `dvc repro` for the stage that makes it"
        ) from error


def model_folder(name: str) -> Path:
    """The weights of a method, or of `base` or `warmstart`."""
    return Path("models") / name


def curve_path(name: str) -> Path:
    """The training curve of a method, one JSON object a line."""
    return CURVES / f"{name}.jsonl"


def completions_folder(method: str) -> Path:
    """The completions of a method, one Parquet file per protocol."""
    return COMPLETIONS / method


def evaluation_folder(method: str) -> Path:
    """The verdicts and metrics of a method, one Parquet and one JSON file per protocol."""
    return EVALUATION / method
