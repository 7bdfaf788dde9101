"""Stage `validate` on real rows of the domains that read them: whole they pass, and each kind of damage is named."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.prepare import prepare
from pipelines.validate import validate
from setwise.domains import Example, get_domain
from setwise.domains.hotpotqa import bare_question
from setwise.domains.parquet import read_examples, write_examples
from setwise.errors import InputError
from setwise.params import Params

pytestmark = pytest.mark.skipif(
    "SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read"
)
Change = Callable[[Example, Example], Example]
"""(an example of train, an example of test) → the example of train with something wrong in it."""

_REAL = "${SETWISE_REAL_DATA}/"
_DDXPLUS = {
    "train": _REAL + "ddxplus_validate_686.jsonl.gz",
    "evidences": _REAL + "ddxplus_release_evidences.json",
    "conditions": _REAL + "ddxplus_release_conditions.json",
}
DOMAINS: dict[str, dict[str, Any]] = {
    "ambigqa": {"name": "ambigqa", "train": _REAL + "ambignq_light_dev.jsonl.gz"},
    "ddxplus": {"name": "ddxplus", **_DDXPLUS, "gold": "differential"},
    "pathology": {"name": "ddxplus", **_DDXPLUS, "gold": "pathology"},
    "hotpotqa": {"name": "hotpotqa", "train": _REAL + "hotpotqa_train_distractor_100.jsonl.gz"},
    "mbpp": {"name": "mbpp", "train": _REAL + "mbpp_full.jsonl.gz"},
}


def _unknown_names(example: Example, _: Example) -> Example:
    return replace(example, posterior=tuple((f"X{i}", p) for i, (_, p) in enumerate(example.posterior)))


def _other_names(example: Example, _: Example) -> Example:
    golds = {name for answer in example.gold for name in answer}
    other = next(name for name in ("Croup", "PSVT", "Ebola", "GERD", "URTI", "Anemia") if name not in golds)
    return replace(example, posterior=((other, 1.0),))


HARMS: dict[str, tuple[str, Change, str]] = {
    "another matcher": ("ambigqa", lambda e, _: replace(e, match="nonsense"), "match"),
    "exclusive": ("ambigqa", lambda e, _: replace(e, exclusive=True), "exclusive"),
    "another domain": ("ambigqa", lambda e, _: replace(e, domain="mbpp"), "domain"),
    "a blank question": ("ambigqa", lambda e, _: replace(e, question="   "), "letters_and_digits"),
    "an unsaid number of answers": ("ambigqa", lambda e, _: replace(e, columns={}), "several_is_said"),
    "a posterior of 0.3": (
        "ddxplus",
        lambda e, _: replace(e, posterior=tuple((a, 0.3 * p) for a, p in e.posterior)),
        "posterior_total",
    ),
    "unknown names": ("ddxplus", _unknown_names, "posterior_outside_vocabulary"),
    "a posterior without the gold": ("ddxplus", _other_names, "gold_of_the_differential"),
    "no posterior": ("ddxplus", lambda e, _: replace(e, posterior=()), "has_differential"),
    "gold twice": ("ddxplus", lambda e, _: replace(e, gold=e.gold * 2), "gold_has_no_answer_twice"),
    "two pathologies": (
        "pathology",
        lambda e, _: replace(e, gold=(("Croup",), ("PSVT",))),
        "gold_answers",
    ),
    "an answer twice": (
        "pathology",
        lambda e, _: replace(e, posterior=((e.gold[0][0], 0.5),) * 2),
        "posterior_has_no_answer_twice",
    ),
    "no differential": ("pathology", lambda e, _: replace(e, posterior=()), "has_differential"),
    "a question of test under other paragraphs": (
        "hotpotqa",
        lambda _, t: replace(t, question=f"Foo: bar.\n\nQuestion: {bare_question(t)}"),
        "known_in",
    ),
    "tests that ask nothing": ("mbpp", lambda e, _: replace(e, tests=("assert True",)), "tests_use_the_program"),
    "the program in the prompt": (
        "mbpp",
        lambda e, _: replace(e, question=f"{e.question}\n{e.gold[0][0]}"),
        "program_not_in_prompt",
    ),
    "a task of test with another test shown": (
        "mbpp",
        lambda _, t: replace(t, question=t.question + " "),
        "known_in",
    ),
    "a program of test": ("mbpp", lambda e, t: replace(e, gold=t.gold), "known_in"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Params]]:
    """The prepared data of a domain, made once, and its params."""
    folders: dict[str, tuple[Path, Params]] = {}

    def make(name: str) -> tuple[Path, Params]:
        if name not in folders:
            sizes = {"test_size": 15, "train_size": 30}
            domain = get_domain(DOMAINS[name]["name"]).Params.model_validate(DOMAINS[name] | sizes)
            folders[name] = tmp_path_factory.mktemp(name), Params.model_construct(domain=domain, seed=0)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folders[name][0])
                prepare(folders[name][1])
        return folders[name]

    return make


@pytest.fixture
def damage(made: Callable[[str], tuple[Path, Params]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Validate a domain with its training examples changed; they are put back afterwards."""
    kept: dict[Path, bytes] = {}

    def run(name: str, change: Callable[[list[Example], list[Example]], list[Example]]) -> None:
        root, params = made(name)
        monkeypatch.chdir(root)
        train = Path("data", params.domain.name, "train.parquet").resolve()
        kept[train] = train.read_bytes()
        write_examples(train, change(read_examples(train), read_examples(train.with_name("test.parquet"))))
        validate(params)

    yield run
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.mark.parametrize("name", DOMAINS)
def test_real_rows_are_valid(name: str, damage: Any) -> None:
    damage(name, lambda train, _: train)
    splits = json.loads(Path("reports/validation.json").read_text())["splits"]
    assert {split: found["success"] for split, found in splits.items()} == {"test": True, "train": True}


@pytest.mark.parametrize("kind", HARMS)
def test_damage_to_real_rows_is_named(kind: str, damage: Any) -> None:
    name, harm, column = HARMS[kind]
    with pytest.raises(InputError, match=rf"train\.parquet: expect_\w+ failed on column {column} in 1 rows: row 0 "):
        damage(name, lambda train, test: [harm(train[0], test[0]), *train[1:]])


@pytest.mark.parametrize("name", DOMAINS)
def test_one_answer_to_all_real_questions_is_named(name: str, damage: Any) -> None:
    with pytest.raises(InputError, match=r"expect_column_unique_value_count_to_be_between failed on column gold"):
        damage(name, lambda train, _: [replace(e, gold=train[0].gold) for e in train])
