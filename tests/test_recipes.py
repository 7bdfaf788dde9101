"""A recipe says what differs from the defaults; using it writes complete params, and loses nothing the user wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from smoke_workspace import PARAMS, REPOSITORY

from setwise.errors import InputError
from setwise.params import DEFAULTS, Params, load_params, validate_params
from setwise.recipes import active_recipe, list_recipes, read_recipe, use_recipe
from setwise.yaml12 import load_yaml

SHIPPED = REPOSITORY / "recipes"
NAMES = sorted(list_recipes(SHIPPED))
SMALL = "# A small clinic.\nk: 2\ntrain: {steps: 20, held_out: 40}  # short\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL)
    (tmp_path / "recipes" / "larger.yaml").write_text(SMALL.replace("small", "larger").replace("k: 2", "k: 4"))
    return tmp_path / "recipes"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def made_of(folder: Path, text: str) -> Params:
    (folder / "made.yaml").write_text(text)
    return read_recipe("made", folder).params


def said_of(folder: Path, text: str) -> str:
    """The one line that refuses the recipe, after its file's name."""
    with pytest.raises(InputError) as caught:
        made_of(folder, text)
    place, _, said = str(caught.value).partition(": ")
    assert place == str(folder / "made.yaml")
    assert "\n" not in said
    return said


def without_each(content: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that holds no section, with the content that lacks it."""
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from ((place, content | {key: rest}) for place, rest in without_each(value, f"{path}{key}."))
        else:
            yield path + key, {k: v for k, v in content.items() if k != key}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_states_nothing_but_its_domain_that_is_so_by_default(name: str) -> None:
    content: Any = load_yaml((SHIPPED / f"{name}.yaml").read_text())
    params = read_recipe(name, SHIPPED).params
    for place, rest in without_each(content):
        if place != "domain.name":
            with suppress(InputError):  # a key without a default, or one that another needs
                assert validate_params(DEFAULTS | rest, name) != params, f"{name}: {place} is the default"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short_and_has_a_title(name: str) -> None:
    title, *lines = (SHIPPED / f"{name}.yaml").read_text().splitlines()
    assert title == f"# {list_recipes(SHIPPED)[name]}"
    assert len(lines) <= 30


@pytest.mark.parametrize("name", NAMES)
def test_the_params_that_a_recipe_writes_are_complete_and_its_own(name: str, target: Path) -> None:
    params = use_recipe(name, SHIPPED, target).params
    assert load_params(target) == params == read_recipe(name, SHIPPED).params
    assert active_recipe(SHIPPED, target) == name
    written = yaml.safe_load(target.read_text())  # as readers of YAML 1.1 take it
    assert written == params.model_dump(mode="json")
    assert target.read_text().startswith(f"# {list_recipes(SHIPPED)[name]}\n")


def test_the_defaults_are_the_recipe_clinic() -> None:
    assert read_recipe("clinic", SHIPPED).params == validate_params(DEFAULTS, "defaults")


def test_a_section_is_merged_key_by_key_and_anything_else_replaced_whole(folder: Path) -> None:
    params = made_of(folder, "methods: [rlcr_multi]\nevaluate: {vllm: {max_model_length: 64}}\nregistry: {guards: {}}")
    default = validate_params(DEFAULTS, "defaults")
    vllm = default.evaluate.vllm.model_copy(update={"max_model_length": 64})
    assert params == default.model_copy(
        update={
            "methods": ("rlcr_multi",),
            "evaluate": default.evaluate.model_copy(update={"vllm": vllm}),
            "registry": default.registry.model_copy(update={"guards": {}}),
        }
    )


def test_another_domain_takes_nothing_of_the_default_one(folder: Path) -> None:
    domain = made_of(folder, "domain: {name: qa, train: rows.jsonl}").domain.model_dump()
    assert (domain["test_size"], domain["train_size"], "world_seed" in domain) == (None, None, False)
    assert made_of(folder, "domain: {name: clinic, mode: several}").domain.model_dump()["train_size"] == 40_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trian: {}", "unknown key trian: did you mean 'train'?"),
        ("train: {stpes: 3}", "unknown key train.stpes: did you mean 'steps'?"),
        ("domain: {name: qa, train: a.jsonl, world_seed: 1}", "unknown key domain.world_seed: known keys: "),
        ("domain: {train: a.jsonl}", "domain: expected a section with a `name`"),
        ("domain: {name: qa}", "domain.train: missing; add it"),
        ("train: {steps: many}", "train.steps: input should be a valid integer"),
        ("train:", "train: expected a section of keys"),
        ("scale: {lora: 3}", "scale.lora: expected a section of keys"),
        ("k: 2\nk: 3", 'not readable as YAML: duplicate key "k" in line 2; keep one of them'),
        ("train: {steps: 2, steps: 2}", 'not readable as YAML: duplicate key "steps" in line 1; keep one of them'),
        ("", "expected a mapping of sections, as `setwise recipe show clinic --complete` prints"),
        ("# A title alone.\n", "expected a mapping of sections"),
        ("- k", "expected a mapping of sections"),
        ("k: [", "not readable as YAML: "),
    ],
)
def test_a_wrong_recipe_is_one_line_with_file_key_and_remedy(text: str, said: str, folder: Path) -> None:
    assert said_of(folder, text).startswith(said)


def test_a_recipe_that_is_no_text_is_one_line(folder: Path) -> None:
    (folder / "made.yaml").write_bytes(b"# \xff\nk: 2\n")
    with pytest.raises(InputError, match=r"made\.yaml: not readable as YAML"):
        read_recipe("made", folder)


def test_recipes_are_listed_by_name_with_their_title(folder: Path) -> None:
    (folder / "a folder.yaml").mkdir()
    assert list_recipes(folder) == {"larger": "A larger clinic.", "small": "A small clinic."}


def test_no_folder_of_recipes_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; run inside the workspace"):
        list_recipes(tmp_path / "recipes")


def test_an_unknown_recipe_suggests_the_nearest_and_lists_all(folder: Path) -> None:
    with pytest.raises(InputError, match=r"unknown recipe 'smal': did you mean 'small'\? use one of larger, small"):
        read_recipe("smal", folder)


def test_a_recipe_cannot_be_named_by_a_path(folder: Path, target: Path) -> None:
    target.write_text(SMALL)
    with pytest.raises(InputError, match="unknown recipe"):
        read_recipe("../params", folder)


def test_the_active_recipe_is_the_one_whose_settings_are_in_place(folder: Path, target: Path) -> None:
    assert active_recipe(folder, target) is None
    assert use_recipe("small", folder, target).kept is None
    (folder / "a-broken-one.yaml").write_text("k: none")
    assert active_recipe(folder, target) == "small"
    target.write_text("# a comment changes nothing\n" + target.read_text())
    assert active_recipe(folder, target) == "small"
    target.write_text(target.read_text().replace("steps: 20", "steps: 21"))
    assert active_recipe(folder, target) is None


def mine(seed: int) -> str:
    return "# My own.\n" + yaml.safe_dump(PARAMS | {"seed": seed})


def test_params_that_stand_in_no_recipe_are_kept(folder: Path, target: Path) -> None:
    target.write_text(mine(5))
    kept = use_recipe("small", folder, target).kept
    assert kept is not None
    assert kept.read_text() == mine(5)


def test_a_second_switch_keeps_the_first_ones_params_too(folder: Path, target: Path) -> None:
    kept = []
    for seed in (5, 6, 5):
        target.write_text(mine(seed))
        kept.append(use_recipe("small", folder, target).kept)
    assert kept[0] == kept[2] != kept[1]
    assert all(path is not None and path.exists() for path in kept)


@pytest.mark.parametrize("broken", [b"train: {a", b"\xff\xfe\x00", b"k: 2024-99-99", b"&a [*a]", b"[" * 5000, b"k: 2"])
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
    (folder / "wrong.yaml").write_text("k: none")
    with pytest.raises(InputError, match=r"wrong\.yaml: k: input should be a valid integer"):
        use_recipe("wrong", folder, target)
    assert target.read_text() == read_recipe("small", folder).complete


def test_a_recipe_is_no_params_file_and_params_stay_complete(folder: Path) -> None:
    with pytest.raises(InputError, match=r"domain: expected a section with a `name`"):
        load_params(folder / "small.yaml")
    (folder / "made.yaml").write_text("domain: {name: clinic}\nk: 2\n")
    with pytest.raises(InputError, match=r"seed: missing; add it, as `setwise recipe show NAME --complete` has it"):
        load_params(folder / "made.yaml")
