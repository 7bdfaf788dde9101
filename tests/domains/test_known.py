"""One rule says which questions are known, to `prepare`, to `validate` and to who asks the champion new ones."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipelines.checks import make_table
from setwise.domains import get_domain
from setwise.domains.hotpotqa import bare_question
from setwise.domains.known import Known
from setwise.domains.parquet import write_examples
from setwise.params import DEFAULTS, Params, load_params
from tasks.champion import fresh_questions

REAL = os.environ.get("SETWISE_REAL_DATA", "")
needs_real_rows = pytest.mark.skipif(not REAL, reason="SETWISE_REAL_DATA is unset: no real rows to read")


@pytest.fixture(autouse=True)
def _rows_may_lie_in_the_test_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SETWISE_DATA", str(tmp_path))


def make_workspace(root: Path, **domain: object) -> Params:
    """Params of a domain and what `prepare` would write of it."""
    (root / "params.yaml").write_text(yaml.safe_dump(DEFAULTS | {"domain": domain}), encoding="utf-8")
    params = load_params(root / "params.yaml")
    folder = root / "data" / params.domain.name
    folder.mkdir(parents=True)
    for split, examples in get_domain(params.domain.name).load(params.domain, params.seed).splits.items():
        write_examples(folder / f"{split}.parquet", examples)
    return params


def bare_questions(params: Params) -> set[str]:
    prepared = get_domain("hotpotqa").load(params.domain, params.seed)
    return {bare_question(example) for examples in prepared.splits.values() for example in examples}


def first_rows(name: str) -> list[str]:
    with gzip.open(Path(REAL, name), "rt", encoding="utf-8") as file:
        return [line for line, _ in zip(file, range(40), strict=False)]


@needs_real_rows
@pytest.mark.parametrize("distractors", [None, 2])
def test_a_real_question_whose_paragraphs_are_drawn_anew_is_not_fresh(tmp_path, distractors):
    rows = tmp_path / "rows.jsonl"
    lines = first_rows("hotpotqa_train_distractor_100.jsonl.gz")
    rows.write_text("".join(lines), encoding="utf-8")
    settings = {"name": "hotpotqa", "train": str(rows), "train_size": 12, "test_size": 20, "distractors": distractors}
    params = make_workspace(tmp_path, **settings)
    trained = bare_questions(params)
    drawn = get_domain("hotpotqa").load(params.domain, 1).splits["test"]
    again = {bare_question(example) for example in drawn} & trained
    assert len(again) > 5, "the draw holds questions that were prepared, or this says nothing"
    fresh = {bare_question(example) for example in fresh_questions(tmp_path, params, 1)}
    assert fresh == {bare_question(example) for example in drawn} - trained


@needs_real_rows
def test_a_real_task_with_the_text_of_another_is_not_fresh(tmp_path):
    path = Path(REAL, "mbpp_full.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    train, test = ([row for row in rows if row["task_id"] in tasks][:30] for tasks in (range(601, 975), range(11, 511)))
    # An author's second wording of a task that was trained on, with other tests shown.
    copied = [{**train[i], "task_id": test[i]["task_id"], "test_list": train[i]["test_list"][::-1]} for i in range(10)]
    place = tmp_path / "rows.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in [*train, *test[10:20]]), encoding="utf-8")
    params = make_workspace(tmp_path, name="mbpp", train=str(place), train_size=30, test_size=5)
    place.write_text("".join(json.dumps(row) + "\n" for row in [*train, *copied, *test[20:30]]), encoding="utf-8")
    wide = params.model_copy(update={"domain": params.domain.model_copy(update={"test_size": 20})})
    fresh = [example.columns["task_id"] for example in fresh_questions(tmp_path, wide, 3)]
    assert sorted(fresh) == sorted(row["task_id"] for row in test[20:30])


@needs_real_rows
def test_validate_and_the_champion_agree_on_every_real_question(tmp_path):
    params = make_workspace(
        tmp_path,
        name="hotpotqa",
        train="${SETWISE_REAL_DATA}/hotpotqa_train_distractor_100.jsonl.gz",
        train_size=30,
        test_size=20,
    )
    domain = get_domain("hotpotqa")
    prepared = domain.load(params.domain, params.seed).splits
    drawn = domain.load(params.domain, 4).splits["test"]
    fresh = {example.id for example in fresh_questions(tmp_path, params, 4)}
    table = make_table("new", {**prepared, "new": drawn}, None, domain, params.domain)
    assert set(table["id"][table["known_in"].isna()]) == fresh
    assert 0 < len(fresh) < len(drawn)


@pytest.mark.parametrize("name", ["clinic", "hotpotqa", "mbpp"])
def test_a_question_is_known_to_another_split_and_to_nobody_before(name):
    domain = get_domain(name)
    example = replace(
        get_domain("clinic").load(get_domain("clinic").Params(train_size=1, test_size=1), 0).splits["test"][0],
        domain=name,
        columns={"task_id": 11},
    )
    known = Known(domain)
    assert known.holder(example, "test") is None
    known.add(example, "train")
    assert known.holder(example, "test") == known.holder(example) == "train"


def test_a_shared_leak_key_makes_a_question_known_to_other_splits_only():
    domain = get_domain("mbpp")
    clinic = get_domain("clinic")
    one = replace(
        clinic.load(clinic.Params(train_size=1, test_size=1), 0).splits["test"][0],
        gold=(("def f(a):\n    return a",),),
        columns={"task_id": 601},
    )
    other = replace(one, question="Another text", gold=(("def f(b):\n    return b",),), columns={"task_id": 602})
    known = Known.of(domain, {"train": [one]})
    assert known.holder(other, "train") is None
    assert known.holder(other, "test") == known.holder(other) == "train"
