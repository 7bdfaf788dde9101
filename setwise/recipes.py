"""Recipes: complete, named params files. `use` puts one in the place of `params.yaml`."""

from __future__ import annotations

from pathlib import Path

import yaml

from setwise.errors import InputError
from setwise.params import Params, load_params

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
        raise InputError(f"unknown recipe {name!r}: use one of {', '.join(known)}")
    path = folder / f"{name}.yaml"
    return path.read_text(encoding="utf-8"), load_params(path)


def use_recipe(name: str, folder: Path = FOLDER, target: Path = PARAMS) -> Params:
    """Put a recipe in the place of the params file, once it is known to be valid.

    Raises:
        InputError: the recipe is unknown or invalid; or the params in place stand in no recipe and would be lost.
    """
    text, params = read_recipe(name, folder)
    if target.exists() and not _stands_in_a_recipe(target, folder):
        kept = target.with_name(f"{target.name}.before-{name}")
        kept.write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
    fresh = target.with_name(f".{target.name}.writing")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(target)
    return params


def active_recipe(folder: Path = FOLDER, target: Path = PARAMS) -> str | None:
    """The recipe whose settings are those of the params file, or None."""
    if not target.exists():
        return None
    content = yaml.safe_load(target.read_text(encoding="utf-8"))
    for path in sorted(folder.glob("*.yaml")):
        if yaml.safe_load(path.read_text(encoding="utf-8")) == content:
            return path.stem
    return None


def _stands_in_a_recipe(target: Path, folder: Path) -> bool:
    try:
        return active_recipe(folder, target) is not None
    except yaml.YAMLError:
        return False


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").splitlines()[:1]
    return first[0].lstrip("# ").strip() if first and first[0].startswith("#") else ""
