"""Recipes: named settings, each file what differs from the defaults. `use` writes the complete `params.yaml` of one."""

from __future__ import annotations

import difflib
import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

from setwise.errors import InputError
from setwise.params import DEFAULTS, Params, load_params, read_sections, validate_params
from setwise.yaml12 import dump_yaml

PARAMS = Path("params.yaml")
FOLDER = Path("recipes")


@dataclass(frozen=True)
class Recipe:
    """A valid recipe: the text of its file, and the params that it makes of the defaults."""

    text: str
    params: Params

    @property
    def complete(self) -> str:
        """The text of its `params.yaml`: the recipe's title, then every key with its value."""
        return f"# {_title(self.text)}\n{dump_yaml(self.params.model_dump(mode='json'))}"


def list_recipes(folder: Path = FOLDER) -> dict[str, str]:
    """Name → first comment line of every recipe."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; run inside the workspace")
    return {path.stem: _title(path.read_text(encoding="utf-8", errors="replace")) for path in _files(folder)}


def read_recipe(name: str, folder: Path = FOLDER) -> Recipe:
    """The recipe called `name`.

    A key replaces its default: a section key by key, anything else (null, a list, `registry.guards`) whole. `domain` is
    filled up with the defaults of the domain that it names.

    Raises:
        InputError: there is none of that name, or a key of it is unknown or wrong.
    """
    known = list_recipes(folder)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"unknown recipe {name!r}: {remedy}use one of {', '.join(known)}")
    return _read(folder / f"{name}.yaml")


@dataclass(frozen=True)
class Used:
    """The params now in place, and where the ones before them were kept if they stand in no recipe."""

    params: Params
    kept: Path | None


def use_recipe(name: str, folder: Path = FOLDER, target: Path = PARAMS) -> Used:
    """Put a recipe's complete params in the place of the params file, once they are known to be valid.

    Params that stand in no recipe are kept beside it, as `params.yaml.before-<name>`, none over another.

    Raises:
        InputError: the recipe is unknown or invalid, or a folder has the target's name.
    """
    recipe = read_recipe(name, folder)
    if target.is_dir():
        raise InputError(f"{target}: a folder; move it away")
    kept = None
    if target.exists() and active_recipe(folder, target) is None:
        kept = _free_name(target, name)
        shutil.copyfile(target, kept)
    fresh = target.with_name(f".{target.name}.writing")
    fresh.write_text(recipe.complete, encoding="utf-8")
    fresh.replace(target)
    return Used(recipe.params, kept)


def active_recipe(folder: Path = FOLDER, target: Path = PARAMS) -> str | None:
    """The recipe whose settings are those of the params file; None where there is none, or no valid file."""
    try:
        params = load_params(target)
    except InputError:
        return None
    return next((path.stem for path in _files(folder) if _makes(path, params)), None)


def _makes(path: Path, params: Params) -> bool:
    """Whether a recipe makes these params; one that is invalid makes none."""
    try:
        return _read(path).params == params
    except InputError:
        return False


def _read(path: Path) -> Recipe:
    params = validate_params(DEFAULTS | read_sections(path), str(path))
    return Recipe(path.read_text(encoding="utf-8"), params)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.yaml") if path.is_file())


def _free_name(target: Path, name: str) -> Path:
    """`params.yaml.before-<name>`, with a number where an earlier one holds other params."""
    first = target.with_name(f"{target.name}.before-{name}")
    later = (first.with_name(f"{first.name}.{number}") for number in itertools.count(2))
    same = target.read_bytes()
    return next(path for path in itertools.chain([first], later) if not path.exists() or path.read_bytes() == same)


def _title(text: str) -> str:
    first = text.partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
