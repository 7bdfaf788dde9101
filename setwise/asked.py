"""How a model was trained to be asked, kept beside its weights: read by other params, its answers mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from setwise.domains import get_domain
from setwise.errors import InputError
from setwise.methods import get_method
from setwise.params import Params

FILE = "asked.json"


def note_asked(folder: Path, params: Params, method: str) -> None:
    """Write how the params ask a model of `method` into its folder."""
    (folder / FILE).write_text(json.dumps(_settings(params, method), ensure_ascii=False, indent=1), encoding="utf-8")


def check_asked(folder: Path, params: Params, method: str) -> None:
    """Raise `InputError` where the params ask otherwise than the model was trained; a folder without a note passes."""
    try:
        noted: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    asked = _settings(params, method)
    differing = [key for key in asked if noted.get(key) != asked[key]]
    if differing:
        trained, now = (", ".join(f"{key}={side.get(key)!r}" for key in differing) for side in (noted, asked))
        raise InputError(
            f"{folder}: trained with {trained}, by the params it is {now}; run `dvc repro train@{method}`, "
            "or bring its params back"
        )


def _settings(params: Params, method: str) -> dict[str, Any]:
    domain = get_domain(params.domain.name)
    return {
        "domain": domain.name,
        "method": method,
        "k": get_method(method).layout(params.k).k,
        "instruction": domain.instruction,
        "match": domain.match,
    }
