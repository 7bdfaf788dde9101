"""Domain `ddxplus`: the release's formats, the text of a patient, what is gold, and what is refused."""

import csv
import gzip
import io
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from setwise.domains import Prepared, get_domain
from setwise.domains.base import question_content
from setwise.domains.ddxplus import DOMAIN, DdxplusParams
from setwise.errors import InputError

_EVIDENCES = {
    "E_1": {"question_en": "Do you have a fever (felt or measured)?", "data_type": "B"},
    "E_2": {
        "question_en": "How intense is the pain?",
        "data_type": "C",
        "possible-values": list(range(11)),
        "code_question": "E_4",
    },
    "E_3": {
        "question_en": "Do you feel pain somewhere?",
        "data_type": "M",
        "possible-values": ["V_0", "V_1", "V_2"],
        "value_meaning": {"V_0": {"en": "nowhere"}, "V_1": {"en": "knee(R)"}, "V_2": {"en": "jaw"}},
        "code_question": "E_4",
    },
    "E_4": {"question_en": "Do you have pain somewhere, related to your reason for consulting?", "data_type": "B"},
    "E_5": {"question_en": "Do you smoke cigarettes?", "data_type": "B", "is_antecedent": True},
}
_CONDITIONS = {
    "Syndrome de Guillain-Barré": {"cond-name-eng": "Guillain-Barré syndrome", "cond-name-fr": "Syndrome de GB"},
    "Flu": {"cond-name-eng": "Flu", "cond-name-fr": "Grippe"},
    "Croup": {"cond-name-eng": "Croup", "cond-name-fr": "Laryngite"},
}


def _row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "AGE": 34,
        "SEX": "F",
        "PATHOLOGY": "Flu",
        "INITIAL_EVIDENCE": "E_1",
        "EVIDENCES": ["E_1", "E_3_@_V_2", "E_3_@_V_1", "E_2_@_6", "E_4", "E_5"],
        "DIFFERENTIAL_DIAGNOSIS": [["Croup", 0.25], ["Flu", 0.7], ["Guillain-Barré syndrome", 0.05]],
    }
    return row | changes


def _rows(count: int) -> list[dict[str, object]]:
    return [_row(AGE=20 + i) for i in range(count)]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    base = {"is_antecedent": False, "possible-values": [], "value_meaning": {}}
    book = {code: {"name": code, "code_question": code, **base, **entry} for code, entry in _EVIDENCES.items()}
    Path("evidences.json").write_text(json.dumps(book))
    Path("conditions.json").write_text(json.dumps(_CONDITIONS))
    return tmp_path


def _write_jsonl(name: str, rows: list[dict[str, object]]) -> str:
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return name


def _csv_text(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow({key: str(value) for key, value in row.items()})
    return out.getvalue()


def _load(rows: list[dict[str, object]] | str, seed: int = 0, **params: object) -> Prepared:
    train = rows if isinstance(rows, str) else _write_jsonl("train.jsonl", rows)
    settings = {"train": train, "test_size": 1, "evidences": "evidences.json", "conditions": "conditions.json"}
    return DOMAIN.load(DdxplusParams.model_validate(settings | params), seed)


@pytest.mark.usefixtures("release")
class TestPatientText:
    def test_reads_as_statements_with_details_after_their_question(self) -> None:
        [example] = _load(_rows(2)).splits["train"]
        age = re.search(r"\d+", example.question)
        assert age is not None
        assert example.question == (
            f"Patient: female, {age[0]} years old.\n"
            "Complaint: I have a fever.\n"
            "Symptoms: I have pain; pain intensity: 6/10; pain in: right knee, jaw.\n"
            "History: I smoke cigarettes."
        )

    def test_says_so_where_a_patient_reports_nothing_else(self) -> None:
        examples = _load([_row(EVIDENCES=["E_1"], AGE=i) for i in range(2)]).splits["train"]
        assert examples[0].question.endswith("Symptoms: nothing else.\nHistory: nothing of note.")

    def test_the_order_of_evidences_in_a_row_does_not_matter(self) -> None:
        shuffled = ["E_5", "E_4", "E_2_@_6", "E_3_@_V_1", "E_3_@_V_2", "E_1"]
        prepared = _load([_row(), _row(EVIDENCES=shuffled), _row(AGE=2)])
        assert sum(map(len, prepared.splits.values())) == 2


@pytest.mark.usefixtures("release")
class TestGold:
    def test_pathology_is_one_exclusive_answer(self) -> None:
        example = _load(_rows(2), gold="pathology").splits["test"][0]
        assert (example.gold, example.exclusive, example.match) == ((("Flu",),), True, "exact")

    def test_differential_is_every_condition_down_to_the_stated_probability(self) -> None:
        example = _load(_rows(2), gold="differential", min_probability=0.25).splits["test"][0]
        assert (example.gold, example.exclusive) == ((("Flu",), ("Croup",)), False)

    def test_rows_without_a_condition_of_that_probability_are_dropped_and_counted(self) -> None:
        flat = _row(DIFFERENTIAL_DIAGNOSIS=[["Flu", 0.4], ["Croup", 0.3], ["Guillain-Barré syndrome", 0.3]])
        prepared = _load([*_rows(3), flat], gold="differential", min_probability=0.5)
        assert sum(prepared.dropped.values()) == 1
        assert "reaches 0.5" in next(iter(prepared.dropped))

    def test_posterior_is_the_differential_most_likely_first(self) -> None:
        example = _load(_rows(2)).splits["test"][0]
        assert example.posterior == (("Flu", 0.7), ("Croup", 0.25), ("Guillain-Barré syndrome", 0.05))

    @pytest.mark.parametrize("spelling", ["Syndrome de GB", "guillain-barre syndrome", "Guillain-Barre\u0301 syndrome"])
    def test_any_spelling_of_a_condition_becomes_its_english_name(self, spelling: str) -> None:
        prepared = _load([_row(PATHOLOGY=spelling, AGE=i) for i in range(2)])
        assert prepared.splits["test"][0].gold == (("Guillain-Barré syndrome",),)
        assert prepared.vocabulary == ("Croup", "Flu", "Guillain-Barré syndrome")


@pytest.mark.usefixtures("release")
class TestFormats:
    def test_csv_zip_and_gzip_give_the_examples_of_the_jsonl(self) -> None:
        rows = _rows(5)
        expected = {split: [e.id for e in examples] for split, examples in _load(rows).splits.items()}
        Path("train.csv").write_text(_csv_text(rows), newline="")
        with zipfile.ZipFile("train.zip", "w") as archive:
            archive.writestr("release_train_patients", _csv_text(rows))
        Path("train.jsonl.gz").write_bytes(gzip.compress(Path("train.jsonl").read_bytes()))
        for name in ("train.csv", "train.zip", "train.jsonl.gz"):
            assert {s: [e.id for e in examples] for s, examples in _load(name).splits.items()} == expected, name


@pytest.mark.usefixtures("release")
class TestSplits:
    def test_the_seed_decides_what_is_held_out(self) -> None:
        held = [[e.id for e in _load(_rows(20), seed, test_size=5).splits["test"]] for seed in (1, 1, 2)]
        assert held[0] == held[1] != held[2]

    def test_extra_rows_join_train_but_for_those_whose_question_is_in_test(self) -> None:
        extra = _write_jsonl("extra.jsonl", [*_rows(4), _row(AGE=90)])
        prepared = _load(_rows(4), test_size=2, extra_train=extra)
        assert {split: len(examples) for split, examples in prepared.splits.items()} == {"test": 2, "train": 3}
        assert prepared.dropped == {"train: question already in test": 2, "train: question already in train": 2}

    def test_extra_rows_make_a_split_of_their_own_for_the_warm_start(self) -> None:
        extra = _write_jsonl("extra.jsonl", [*_rows(4), _row(AGE=90)])
        prepared = _load(_rows(4), test_size=2, extra_train=extra, extra_for="warmstart")
        assert [len(prepared.splits[split]) for split in ("train", "warmstart")] == [2, 1]

    def test_sizes_cut_by_the_seed_and_what_is_cut_is_counted(self) -> None:
        prepared = _load(_rows(10), test_size=2, train_size=3)
        assert len(prepared.splits["train"]) == 3
        assert prepared.dropped == {"train: over train_size": 5}

    def test_holding_out_every_row_is_refused(self) -> None:
        with pytest.raises(InputError, match="train: no row is left"):
            _load(_rows(3), test_size=3)

    def test_a_test_part_must_be_named_or_sized(self) -> None:
        with pytest.raises(InputError, match=r"domain\.test_size: unset"):
            _load(_rows(3), test_size=None)


@pytest.mark.usefixtures("release")
class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"EVIDENCES": ["E_99"]}, "EVIDENCES names E_99, which evidences.json does not hold; use"),
            ({"EVIDENCES": ["E_3_@_V_9"]}, "V_9 is no value of E_3 in evidences.json"),
            ({"EVIDENCES": ["E_3"]}, "no value is no value of E_3"),
            ({"EVIDENCES": ["E_1_@_V_1"]}, "yes/no question"),
            ({"EVIDENCES": "['E_1'"}, "EVIDENCES is neither JSON nor a Python literal"),
            ({"EVIDENCES": "{'E_1': 1}"}, "EVIDENCES is an object, not a list"),
            ({"INITIAL_EVIDENCE": "E_77"}, "INITIAL_EVIDENCE names E_77"),
            ({"PATHOLOGY": "Plague"}, "PATHOLOGY names 'Plague', which conditions.json does not hold; use"),
            ({"DIFFERENTIAL_DIAGNOSIS": [["Plague", 1.0]]}, "DIFFERENTIAL_DIAGNOSIS names 'Plague'"),
            ({"DIFFERENTIAL_DIAGNOSIS": [["Flu", 0.5]]}, "probabilities sum to 0.5, not 1"),
            ({"DIFFERENTIAL_DIAGNOSIS": [["Flu", "most"]]}, "'most', no probability"),
            ({"DIFFERENTIAL_DIAGNOSIS": [["Flu"]]}, "not [name, probability]"),
            ({"AGE": "old"}, "AGE 'old' is no age"),
            ({"AGE": "9" * 5000}, "AGE '999999"),
            (
                {"EVIDENCES": "['E_1' 'E_5']"},
                "EVIDENCES is neither JSON nor a Python literal (texts stand side by side",
            ),
            ({"EVIDENCES": "['E_1', ..., 'E_5']"}, "EVIDENCES is neither JSON nor a Python literal (... stands where"),
            ({"EVIDENCES": "{'E_1', 'E_5'}"}, "EVIDENCES is neither JSON nor a Python literal (a set has no order)"),
            ({"SEX": "X"}, "SEX 'X' is neither F nor M"),
        ],
    )
    def test_a_row_that_cannot_be_read_is_named(self, change: dict[str, object], message: str) -> None:
        with pytest.raises(InputError) as caught:
            _load([*_rows(3), _row(**change)])
        assert str(caught.value).startswith("train.jsonl row 4: ")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_column_is_named(self) -> None:
        rows = [{key: value for key, value in row.items() if key != "SEX"} for row in _rows(3)]
        with pytest.raises(InputError, match=r"train\.jsonl row 1: column 'SEX' is missing .*; use the patient files"):
            _load(rows)

    def test_a_row_that_is_no_json_is_named(self) -> None:
        Path("train.jsonl").write_text(json.dumps(_row()) + "\n{'AGE': 3}\n")
        with pytest.raises(InputError, match=r"train\.jsonl row 2: not JSON"):
            _load("train.jsonl")

    @pytest.mark.parametrize("key", ["train", "test", "extra_train", "evidences", "conditions"])
    def test_a_missing_file_is_named_with_its_key(self, key: str) -> None:
        _write_jsonl("train.jsonl", _rows(3))
        with pytest.raises(InputError, match=rf"domain\.{key}: nowhere\.json is not there; .* set domain\.{key}"):
            _load("train.jsonl", **{key: "nowhere.json"})

    def test_a_file_of_another_kind_is_refused_as_evidences(self) -> None:
        with pytest.raises(InputError, match=r"conditions\.json: evidence .* release_evidences\.json"):
            _load(_rows(3), evidences="conditions.json")

    def test_an_unset_variable_in_a_path_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SETWISE_REAL_DATA", raising=False)
        with pytest.raises(InputError, match=r"domain\.train: .* SETWISE_REAL_DATA, which is unset; export"):
            _load("${SETWISE_REAL_DATA}/train.jsonl")

    @pytest.mark.parametrize("change", [{"gould": 1}, {"min_probability": 0}, {"gold": "all"}, {"test_size": 0}])
    def test_unknown_keys_and_values_out_of_range_are_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(ValidationError, match=next(iter(change))):
            _load(_rows(3), **change)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    folder = "${SETWISE_REAL_DATA}/ddxplus_"
    params = DdxplusParams(
        train=folder + "20path_subset_train.jsonl.gz",
        test=folder + "validate_686.jsonl.gz",
        extra_train=folder + "19path_subset_test.jsonl.gz",
        evidences=folder + "release_evidences.json",
        conditions=folder + "release_conditions.json",
    )
    return DOMAIN.load(params, 0)


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
class TestRealRows:
    def test_every_row_is_read_and_the_three_shared_patients_stay_in_test_only(self, prepared: Prepared) -> None:
        assert {split: len(examples) for split, examples in prepared.splits.items()} == {"test": 686, "train": 15304}
        assert prepared.dropped == {"train: question already in test": 3}
        contents = [question_content(e.question) for examples in prepared.splits.values() for e in examples]
        assert len(set(contents)) == len(contents)

    def test_the_rows_as_a_zipped_csv_give_the_same_examples(
        self, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SETWISE_DATA", str(tmp_path))
        folder = Path(os.environ["SETWISE_REAL_DATA"])
        lines = gzip.decompress((folder / "ddxplus_validate_686.jsonl.gz").read_bytes()).decode().splitlines()
        with zipfile.ZipFile(tmp_path / "release_test_patients.zip", "w") as archive:
            archive.writestr("release_test_patients", _csv_text([json.loads(line) for line in lines]))
        params = DdxplusParams(
            train="${SETWISE_REAL_DATA}/ddxplus_20path_subset_train.jsonl.gz",
            train_size=1,
            test=str(tmp_path / "release_test_patients.zip"),
            evidences="${SETWISE_REAL_DATA}/ddxplus_release_evidences.json",
            conditions="${SETWISE_REAL_DATA}/ddxplus_release_conditions.json",
        )
        from_csv = DOMAIN.load(params, 0).splits["test"]
        assert [replace(e, source={}) for e in from_csv] == [replace(e, source={}) for e in prepared.splits["test"]]

    def test_no_prompt_holds_a_code_a_question_or_an_abbreviation(self, prepared: Prepared) -> None:
        pattern = re.compile(r"E_\d|V_\d|_@_|\?|\byou|\bNA\b|\([RL]\)|: [NY][;.\n]|  |[{}]")
        bad = [e.question for examples in prepared.splits.values() for e in examples if pattern.search(e.question)]
        assert bad == []

    def test_all_gold_and_posterior_names_are_of_the_vocabulary(self, prepared: Prepared) -> None:
        assert prepared.vocabulary is not None and len(prepared.vocabulary) == 49
        names = {name for e in prepared.splits["test"] for name, _ in e.posterior}
        assert names == set(prepared.vocabulary)
        assert {e.gold[0][0] for e in prepared.splits["test"]} == set(prepared.vocabulary)


def test_the_domain_is_listed_and_says_what_is_asked() -> None:
    assert get_domain("ddxplus").instruction.endswith(".")
