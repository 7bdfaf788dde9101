"""Switching recipes replaces the params whole, or not at all, and loses nothing the user wrote."""

from pathlib import Path

import pytest
import yaml
from smoke_workspace import PARAMS

from setwise.errors import InputError
from setwise.recipes import active_recipe, list_recipes, read_recipe, use_recipe

TEXT = "# A small clinic.\n" + yaml.safe_dump(PARAMS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(TEXT)
    (tmp_path / "recipes" / "larger.yaml").write_text(TEXT.replace("small", "larger").replace("k: 2", "k: 4"))
    return tmp_path / "recipes"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def test_recipes_are_listed_by_name_with_their_title(folder: Path) -> None:
    assert list_recipes(folder) == {"larger": "A larger clinic.", "small": "A small clinic."}


def test_no_folder_of_recipes_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; run inside the workspace"):
        list_recipes(tmp_path / "recipes")


def test_an_unknown_recipe_suggests_the_nearest_and_lists_all(folder: Path) -> None:
    with pytest.raises(InputError, match=r"unknown recipe 'smal': did you mean 'small'\? use one of larger, small"):
        read_recipe("smal", folder)


def test_a_recipe_cannot_be_named_by_a_path(folder: Path, target: Path) -> None:
    target.write_text(TEXT)
    with pytest.raises(InputError, match="unknown recipe"):
        read_recipe("../params", folder)


def test_using_a_recipe_puts_it_in_place_with_its_comments(folder: Path, target: Path) -> None:
    used = use_recipe("larger", folder, target)
    assert (target.read_text(), used.params.k, used.kept) == ((folder / "larger.yaml").read_text(), 4, None)


def test_the_active_recipe_is_the_one_whose_settings_are_in_place(folder: Path, target: Path) -> None:
    assert active_recipe(folder, target) is None
    use_recipe("small", folder, target)
    assert active_recipe(folder, target) == "small"
    target.write_text("# a comment changes nothing\n" + target.read_text())
    assert active_recipe(folder, target) == "small"


def test_params_that_stand_in_no_recipe_are_kept(folder: Path, target: Path) -> None:
    mine = TEXT.replace("seed: 0", "seed: 5")
    target.write_text(mine)
    kept = use_recipe("small", folder, target).kept
    assert kept is not None
    assert kept.read_text() == mine


def test_a_second_switch_keeps_the_first_ones_params_too(folder: Path, target: Path) -> None:
    kept = []
    for seed in (5, 6, 5):
        target.write_text(TEXT.replace("seed: 0", f"seed: {seed}"))
        kept.append(use_recipe("small", folder, target).kept)
    assert kept[0] == kept[2] != kept[1]
    assert all(path is not None and path.exists() for path in kept)


@pytest.mark.parametrize("broken", [b"train: {a", b"\xff\xfe\x00", b"k: 2024-99-99", b"&a [*a]", b"[" * 5000])
def test_broken_params_are_kept_as_they_are_and_replaced(broken: bytes, folder: Path, target: Path) -> None:
    target.write_bytes(broken)
    kept = use_recipe("small", folder, target).kept
    assert kept is not None
    assert kept.read_bytes() == broken
    assert active_recipe(folder, target) == "small"


def test_a_folder_in_the_place_of_the_params_is_left_there(folder: Path, target: Path) -> None:
    target.mkdir()
    assert active_recipe(folder, target) is None
    with pytest.raises(InputError, match=r"params\.yaml: a folder; move it away"):
        use_recipe("small", folder, target)
    assert target.is_dir()


def test_an_invalid_recipe_leaves_the_params_as_they_were(folder: Path, target: Path) -> None:
    use_recipe("small", folder, target)
    (folder / "wrong.yaml").write_text(TEXT.replace("k: 2", "k: none"))
    with pytest.raises(InputError, match=r"wrong\.yaml: k: input should be a valid integer"):
        use_recipe("wrong", folder, target)
    assert target.read_text() == (folder / "small.yaml").read_text()
