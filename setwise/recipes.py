"""Recipes: complete, named params files. `use` puts one in the place of `params.yaml`."""

from __future__ import annotations

import difflib
import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

from setwise.errors import InputError
from setwise.params import Params, load_params
from setwise.yaml12 import YAMLError, load_yaml

PARAMS = Path("params.yaml")
FOLDER = Path("recipes")


def list_recipes(folder: Path = FOLDER) -> dict[str, str]:
    """Name → first comment line of every recipe."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; run inside the workspace")
    return {path.stem: _title(path) for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str, folder: Path = FOLDER) -> tuple[str, Params]:
    """Text and validated params of the recipe called `name`."""
    known = list_recipes(folder)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"unknown recipe {name!r}: {remedy}use one of {', '.join(known)}")
    path = folder / f"{name}.yaml"
    return path.read_text(encoding="utf-8"), load_params(path)


@dataclass(frozen=True)
class Used:
    """The params now in place, and where the ones before them were kept if they stand in no recipe."""

    params: Params
    kept: Path | None


def use_recipe(name: str, folder: Path = FOLDER, target: Path = PARAMS) -> Used:
    """Put a recipe in the place of the params file, once it is known to be valid.

    Params that stand in no recipe are kept beside it, as `params.yaml.before-<name>`, none over another.

    Raises:
        InputError: the recipe is unknown or invalid, or a folder has the target's name.
    """
    text, params = read_recipe(name, folder)
    if target.is_dir():
        raise InputError(f"{target}: a folder; move it away")
    kept = None
    if target.exists() and active_recipe(folder, target) is None:
        kept = _free_name(target, name)
        shutil.copyfile(target, kept)
    fresh = target.with_name(f".{target.name}.writing")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(target)
    return Used(params, kept)


def active_recipe(folder: Path = FOLDER, target: Path = PARAMS) -> str | None:
    """The recipe whose settings are those of the params file; None where there is none, or no readable file."""
    content = _settings(target)
    if content is None:
        return None
    return next((path.stem for path in sorted(folder.glob("*.yaml")) if _settings(path) == content), None)


def _settings(path: Path) -> object | None:
    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError):
        return None


def _free_name(target: Path, name: str) -> Path:
    """`params.yaml.before-<name>`, with a number where an earlier one holds other params."""
    first = target.with_name(f"{target.name}.before-{name}")
    later = (first.with_name(f"{first.name}.{number}") for number in itertools.count(2))
    same = target.read_bytes()
    return next(path for path in itertools.chain([first], later) if not path.exists() or path.read_bytes() == same)


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8", errors="replace").splitlines()[:1]
    return first[0].lstrip("# ").strip() if first and first[0].startswith("#") else ""
