"""A params file is right, or one line says which keys are wrong and how to mend them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from smoke_workspace import PARAMS, REPOSITORY

from setwise.errors import InputError
from setwise.params import Params, get_methods, load_params, validate_params


def changed(**changes: Any) -> dict[str, Any]:
    """The smoke params with `section__key=value` set; `...` takes a key out."""
    content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(PARAMS))
    for name, value in changes.items():
        *sections, key = name.split("__")
        section = content
        for part in sections:
            section = section[part]
        if value is ...:
            del section[key]
        else:
            section[key] = value
    return content


def complaint(content: Any) -> str:
    with pytest.raises(InputError) as caught:
        validate_params(content, "params.yaml")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("params.yaml: ")
    return text.removeprefix("params.yaml: ")


def test_the_params_in_place_are_valid() -> None:
    assert load_params(REPOSITORY / "params.yaml").k >= 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trian": {}}, "unknown key trian: did you mean 'train'?"),
        ({"train__learning_rte": 0.1}, "unknown key train.learning_rte: did you mean 'learning_rate'?"),
        ({"domain__famillies": 3}, "unknown key domain.famillies: did you mean 'families'?"),
        ({"reward__zzz": 1}, "unknown key reward.zzz: known keys: "),
        ({"reward__sum_rule": False}, "reward.sum_rule: "),
        ({"reward__tolerance": -0.1}, "reward.tolerance: "),
        ({"domain__name": "clinc"}, "domain.name: unknown domain 'clinc': use one of ambigqa, clinic"),
        ({"domain": "clinic"}, "domain: expected a section with a `name`"),
        ({"domain__name": ...}, "domain: expected a section with a `name`"),
        ({"train": ...}, "train: missing; add it"),
        ({"train": None}, "train: expected a section of keys (given: None)"),
        ({"train": [1]}, "train: expected a section of keys"),
        ({"methods": "rlvr_multi"}, "methods: expected a list (given: 'rlvr_multi')"),
        ({"methods": ["rlvr_mlti"]}, "methods.0: input should be 'rlvr_single', 'rlcr_single', 'rlvr_multi' or"),
        ({"methods": []}, "methods: name each method once, and at least one"),
        ({"methods": ["rlvr_multi", "rlvr_multi"]}, "methods: name each method once"),
        ({"k": 1}, "k: input should be greater than or equal to 2 (given: 1)"),
        ({"k": 21}, "k: input should be less than or equal to 20 (given: 21)"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0 (given: -1)"),
        ({"seed": 2**32}, "seed: input should be less than or equal to 4294967295 (given: 4294967296)"),
        ({"one\ntwo": 1}, "unknown key one two: known keys: "),
        ({"seed": True}, "seed: expected a number or a text, not a truth value"),
        ({"train__steps": "many"}, "train.steps: input should be a valid integer"),
        ({"train__steps": 1.5}, "train.steps: input should be a valid integer"),
        ({"train__learning_rate": 0}, "train.learning_rate: input should be greater than 0"),
        ({"train__learning_rate": float("inf")}, "train.learning_rate: input should be a finite number"),
        ({"train__learning_rate": float("nan")}, "train.learning_rate: input should be a finite number"),
        ({"scale__accelerate": "../ddp"}, "scale.accelerate: string should match pattern"),
        ({"scale__accelerate": "/etc/ddp"}, "scale.accelerate: string should match pattern"),
        ({"domain__name": "../clinic"}, "domain.name: unknown domain '../clinic'"),
        ({"methods": ["../rlvr_multi"]}, "methods.0: input should be"),
        (
            {"evaluate__max_completion_tokens": 200},
            "model.max_length: 128 leaves no room for a question beside evaluate.max_completion_tokens: 200; raise",
        ),
        (
            {"train__max_completion_tokens": 24, "model__max_length": 24},
            "leaves no room for a question beside train.max_completion_tokens: 24 and evaluate.max_completion_tokens",
        ),
        ({"domain__examined": 11}, "domain: examined=11 findings of a patient, but the world has 10"),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_a_wrong_key_or_value_is_named_with_its_remedy(changes: dict[str, Any], said: str) -> None:
    assert said in complaint(changed(**changes))


def test_all_mistakes_are_named_at_once() -> None:
    text = complaint(changed(trian={}, k=1, domain__famillies=3))
    assert all(part in text for part in ("trian", "k: ", "domain.famillies"))


def test_a_key_that_is_no_text_is_named() -> None:
    assert "1: a key must be a text" in complaint({**changed(), 1: 2})


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluate__endpoint": {"url": "http://user:planted-secret@127.0.0.1:8000/v1"}},
        {"evaluate__endpoint": {"url": "http://127.0.0.1:8000/v1?api-key=planted-secret"}},
        {"evaluate__endpoint": {"url": "ftp://user:planted-secret@127.0.0.1/v1"}},
        {"evaluate__endpoint": {"url": "http://127.0.0.1:8000/v1", "key_variable": "sk-planted-secret"}},
        {"model__path": "https://user:planted-secret@example.org/model"},
        {"model__path": "planted-secret-of-the-environment"},
        {"model__path": "hf_plantedplantedplantedplanted0123"},
        {"model__revision": "ghp_plantedplantedplantedplanted0123"},
        {"evaluate__endpoint": {"url": "http://127.0.0.1:8000/v1", "model": "sk-proj-plantedplantedplanted0123"}},
        {"k": "AKIAPLANTED012345678"},
        {"methods": ["https://planted-secret@example.org"]},
        {"k": "https://planted-secret@example.org"},
    ],
    ids=str,
)
def test_a_secret_among_the_params_is_refused_and_not_repeated(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-secret-of-the-environment")
    text = complaint(changed(**changes))
    assert "planted" not in text.lower()
    assert "holds a password or a key; keep it in an environment variable" in text or "key_variable" in text


def test_a_long_value_is_cut_short() -> None:
    assert len(complaint(changed(methods="x" * 10_000))) < 300


def test_group_scaling_is_refused_for_methods_that_state_confidences() -> None:
    assert "makes the Brier reward improper for rlcr_multi" in complaint(changed(train__scale_rewards="group"))


def test_group_scaling_is_allowed_without_confidences() -> None:
    params = validate_params(changed(train__scale_rewards="group", methods=["rlvr_multi"]), "params.yaml")
    assert params.train.scale_rewards == "group"


def test_the_context_of_a_model_that_is_loaded_is_not_the_params_to_say() -> None:
    content = changed(model__path="models/own", evaluate__max_completion_tokens=200)
    assert validate_params(content, "params.yaml").evaluate.max_completion_tokens == 200


@pytest.mark.parametrize("text", ["train: {a", "a: b: c", "\tx: 1"])
def test_broken_yaml_is_one_line_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml: not readable as YAML: .*line 1") as caught:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 2024-99-99", "month must be in 1..12"),
        ("seed: !!int many", "invalid literal"),
        ("[" * 5000, "nested too deeply"),
        ("&a [*a]", "Circular reference"),
        ("&a {model: *a}", "Circular reference"),
    ],
    ids=lambda text: text[:20],
)
def test_yaml_that_holds_no_value_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"params\.yaml: not readable as YAML: {said}"):
        load_params(tmp_path / "params.yaml")


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(InputError, match=r"params\.yaml: a folder; move it away"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"clinic"])
def test_a_file_that_is_no_mapping_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(InputError, match="expected a mapping of sections, as `setwise recipe show clinic --complete`"):
        load_params(tmp_path / "params.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"k: \xff\xfe\x00")
    with pytest.raises(InputError, match="not readable as YAML"):
        load_params(tmp_path / "params.yaml")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file; run inside the workspace, or `setwise recipe use clinic`"):
        load_params(tmp_path / "params.yaml")


def test_a_number_in_exponent_notation_is_a_number(tmp_path: Path) -> None:
    text = yaml.safe_dump(changed()).replace("learning_rate: 0.001", "learning_rate: 1e-3")
    assert "1e-3" in text
    (tmp_path / "params.yaml").write_text(text)
    assert load_params(tmp_path / "params.yaml").train.learning_rate == 1e-3


@pytest.fixture
def params() -> Params:
    return validate_params(changed(), "params.yaml")


def test_no_name_means_all_methods(params: Params) -> None:
    assert get_methods(params, None) == ["rlvr_single", "rlcr_multi"]


def test_an_unknown_method_lists_the_known_ones(params: Params) -> None:
    with pytest.raises(InputError, match="unknown method 'rlvr': use one of rlvr_single"):
        get_methods(params, "rlvr")


def test_a_method_that_the_params_leave_out_says_where_to_add_it(params: Params) -> None:
    with pytest.raises(InputError, match=r"'rlvr_multi' is not in params\.yaml: methods; add it there"):
        get_methods(params, "rlvr_multi")
