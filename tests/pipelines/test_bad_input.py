"""A mistake of the user ends a stage in one line that names it and its remedy, and touches nothing."""

import json
from typing import Any

import pytest
from smoke_workspace import PARAMS, Workspace

STAGES = {
    "prepare": (),
    "validate": (),
    "warmstart": (),
    "train": ("--method", "rlcr_multi"),
    "generate": ("--method", "rlcr_multi"),
    "judge": ("--method", "rlcr_multi"),
    "report": (),
}


@pytest.fixture(scope="module")
def made(warm_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with outputs that no refused stage may touch; tests leave all but its params alone."""
    return warm_workspace.copy(tmp_path_factory.mktemp("made") / "workspace")


def refused(workspace: Workspace, stage: str, *arguments: str) -> str:
    """The line that a stage ends with, which leaves every output as it was."""
    before = workspace.outputs()
    error = workspace.run(stage, *arguments).error
    assert workspace.outputs() == before
    return error


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_reads_the_params_before_it_does_anything(stage: str, made: Workspace) -> None:
    made.write_params({**PARAMS, "trian": {"steps": 3}})
    assert refused(made, stage, *STAGES[stage]) == "error: params.yaml: unknown key trian: did you mean 'train'?"


HINT = "the outputs of the last good run, if any, come back by `dvc checkout prepare`"


@pytest.mark.parametrize(("environment", "said"), [({"DVC_STAGE": "prepare"}, [HINT]), ({}, [])])
def test_under_dvc_a_refused_stage_names_what_brings_its_last_good_outputs_back(
    environment: dict[str, str], said: list[str], bare_workspace: Workspace
) -> None:
    bare_workspace.write_params({**PARAMS, "trian": {}})
    ended = bare_workspace.run("prepare", **environment)
    *before, error = ended.err.strip().splitlines()
    assert (ended.code, before, error[:33]) == (2, said, "error: params.yaml: unknown key tr"[:33])


def test_a_stage_that_crashes_names_it_too(bare_workspace: Workspace) -> None:
    (bare_workspace.root / "data").write_text("a file where a folder must be")
    ended = bare_workspace.run("prepare", DVC_STAGE="prepare")
    assert (ended.code, "Traceback" in ended.err, HINT in ended.err.splitlines()) == (1, True, True)


def test_a_mistyped_nested_key_is_named(made: Workspace) -> None:
    made.write_params({**PARAMS, "train": {**PARAMS["train"], "learning_rte": 0.1}})
    error = refused(made, "train", *STAGES["train"])
    assert "params.yaml: unknown key train.learning_rte: did you mean 'learning_rate'?" in error


def test_broken_yaml_is_named_with_its_line(made: Workspace) -> None:
    (made.root / "params.yaml").write_text("seed: 0\ntrain: {steps: 3\n")
    assert "params.yaml: not readable as YAML: " in refused(made, "prepare")


def test_a_missing_params_file_says_how_to_make_one(made: Workspace) -> None:
    (made.root / "params.yaml").unlink()
    assert "`setwise recipe use clinic` to make one" in refused(made, "prepare")
    made.write_params(PARAMS)


def test_an_unknown_method_names_those_of_the_params(made: Workspace) -> None:
    made.write_params(PARAMS)
    error = refused(made, "train", "--method", "rlvr")
    assert error == "error: --method rlvr: not in params.yaml: methods; use one of rlvr_single, rlcr_multi"


@pytest.mark.parametrize("stage", ["validate", "warmstart", "train", "generate", "judge", "report"])
def test_a_stage_without_its_inputs_names_what_to_run(stage: str, bare_workspace: Workspace) -> None:
    assert "run `dvc repro" in refused(bare_workspace, stage, *STAGES[stage])


def test_a_world_without_so_many_patients_names_the_sizes(made: Workspace) -> None:
    made.write_params({**PARAMS, "domain": {**PARAMS["domain"], "examined": 2}})
    error = refused(made, "prepare")
    assert "2 of 10 findings tell only 180 patients apart; lower the sizes or raise examined or findings" in error


@pytest.mark.parametrize("stage", ["warmstart", "train"])
@pytest.mark.parametrize(("held_out", "left"), [(1500, 0), (1600, 0), (1497, 3)])
def test_holding_out_so_many_questions_that_no_step_is_left_names_the_keys(
    stage: str, held_out: int, left: int, made: Workspace
) -> None:
    made.write_params({**PARAMS, "train": {**PARAMS["train"], "held_out": held_out}})
    error = refused(made, stage, *STAGES[stage])
    assert f"train.held_out: {held_out} of 1500 training questions leave {left} to train on" in error
    assert "train.prompts_per_step takes 4; lower one of them" in error


def test_scores_of_open_answers_are_refused_before_anything_is_trained(made: Workspace) -> None:
    vocabulary = made.root / "data" / "clinic" / "vocabulary.json"
    closed = vocabulary.read_text()
    vocabulary.write_text("null")
    made.write_params({**PARAMS, "warmstart": {**PARAMS["warmstart"], "source": "distill", "distill_from": "scores"}})
    error = refused(made, "warmstart")
    vocabulary.write_text(closed)
    assert "warmstart.distill_from: 'scores' needs a closed list of answers" in error
    assert error.endswith("use 'samples'")


@pytest.mark.parametrize("stage", ["warmstart", "train"])
def test_a_limit_that_k_answers_do_not_fit_under_is_refused_before_any_training(stage: str, made: Workspace) -> None:
    made.write_params({**PARAMS, "k": 4})
    error = refused(made, stage, *STAGES[stage])
    assert "train.max_completion_tokens: 24 is too few for rlcr_multi: 4 answers take at least 27 tokens" in error


def test_more_answers_than_there_are_name_k(made: Workspace) -> None:
    made.write_params({**PARAMS, "k": 7, "train": {**PARAMS["train"], "max_completion_tokens": 64}})
    assert refused(made, "warmstart") == "error: params.yaml: k: 7 is over the 6 answers that clinic has; lower it"


@pytest.fixture
def patients(bare_workspace: Workspace) -> tuple[Workspace, dict[str, Any]]:
    """A workspace of domain `ddxplus` with a small generated release; and one row of it."""
    folder = bare_workspace.root / "release"
    folder.mkdir()
    (folder / "evidences.json").write_text(
        json.dumps(
            {
                "E_1": {
                    "name": "E_1",
                    "code_question": "E_1",
                    "question_fr": "?",
                    "question_en": "Do you have a fever?",
                    "is_antecedent": False,
                    "default_value": 0,
                    "value_meaning": {},
                    "possible-values": [],
                    "data_type": "B",
                }
            }
        )
    )
    conditions = {name: {"cond-name-eng": name, "cond-name-fr": name} for name in ("Flu", "Cold", "Croup")}
    (folder / "conditions.json").write_text(json.dumps(conditions))
    row = {
        "AGE": 30,
        "SEX": "F",
        "PATHOLOGY": "Flu",
        "INITIAL_EVIDENCE": "E_1",
        "EVIDENCES": ["E_1"],
        "DIFFERENTIAL_DIAGNOSIS": [["Flu", 0.6], ["Cold", 0.4]],
    }
    write_patients(bare_workspace, [{**row, "AGE": age} for age in range(20, 60)])
    domain = {
        "name": "ddxplus",
        "evidences": "release/evidences.json",
        "conditions": "release/conditions.json",
        "train": "release/patients.jsonl",
        "test_size": 10,
    }
    bare_workspace.write_params({**PARAMS, "domain": domain})
    return bare_workspace, row


def write_patients(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (workspace.root / "release" / "patients.jsonl").write_text(text)


def test_a_release_that_is_in_order_is_prepared(patients: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, _ = patients
    assert workspace.run("prepare").code == 0
    sizes = json.loads((workspace.root / "data" / "ddxplus" / "prepared.json").read_text())["sizes"]
    assert sizes == {"test": 10, "train": 30}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"EVIDENCES": ["E_1", "E_99"]}, "EVIDENCES names E_99, which"),
        ({"INITIAL_EVIDENCE": "E_7"}, "INITIAL_EVIDENCE names E_7, which"),
        ({"PATHOLOGY": "Flue"}, "PATHOLOGY names 'Flue', which"),
        ({"AGE": "old"}, "AGE 'old' is no age in years"),
        ({"SEX": "x"}, "SEX 'x' is neither F nor M"),
        ({"DIFFERENTIAL_DIAGNOSIS": [["Flu", 0.6]]}, "probabilities sum to 0.6, not 1"),
        ({"EVIDENCES": ...}, "EVIDENCES"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_row_that_cannot_be_used_is_named(
    change: dict[str, Any], said: str, patients: tuple[Workspace, dict[str, Any]]
) -> None:
    workspace, row = patients
    assert workspace.run("prepare").code == 0
    wrong = {key: value for key, value in {**row, **change}.items() if value is not ...}
    write_patients(workspace, [row, wrong])
    workspace.set(domain__test_size=1)
    error = refused(workspace, "prepare")
    assert "patients.jsonl" in error
    assert said in error


def test_a_line_that_is_no_json_is_named_by_file_and_row(patients: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, row = patients
    (workspace.root / "release" / "patients.jsonl").write_text(json.dumps(row) + "\n{\n")
    error = refused(workspace, "prepare")
    assert "patients.jsonl" in error
    assert "2" in error


@pytest.mark.parametrize(("key", "name"), [("train", "patients.jsonl"), ("evidences", "evidences.json")])
def test_a_missing_data_file_is_named_with_its_key(
    key: str, name: str, patients: tuple[Workspace, dict[str, Any]]
) -> None:
    workspace, _ = patients
    (workspace.root / "release" / name).unlink()
    error = refused(workspace, "prepare")
    assert f"domain.{key}: " in error
    assert f"{name} is not there; put the file there, or set domain.{key} to where it is" in error


def test_a_model_folder_without_weights_is_named(workspace: Workspace) -> None:
    (workspace.root / "models" / "warmstart" / "model.safetensors").unlink()
    error = refused(workspace, "train", *STAGES["train"])
    assert "models/warmstart: no *.safetensors file; run `dvc repro`" in error


@pytest.mark.parametrize("source", ["none", "template"])
def test_a_chat_template_that_loses_the_instruction_is_refused_before_any_training(
    source: str, workspace: Workspace
) -> None:
    (workspace.root / "models" / "base").rename(workspace.root / "given")
    (workspace.root / "given" / "chat_template.jinja").write_text("{{ messages[-1]['content'][-40:] }}")
    workspace.set(model__path="given", warmstart__source=source, train__max_completion_tokens=60)
    error = refused(workspace, "warmstart")
    assert error.startswith("error: model given: its chat template can't be used (it leaves out or changes"), error


def test_a_damaged_split_is_named(workspace: Workspace) -> None:
    path = workspace.root / "data" / "clinic" / "train.parquet"
    path.write_bytes(path.read_bytes()[:500])
    assert "data/clinic/train.parquet: not a readable Parquet file" in refused(workspace, "validate")


def test_the_same_mistake_reads_the_same_through_the_command_line(made: Workspace) -> None:
    made.write_params({**PARAMS, "k": 0})
    said = made.python("-m", "setwise.cli", "ask", "Invented patient.").error
    assert said == "error: params.yaml: k: input should be greater than or equal to 2 (given: 0)"
    assert made.python("-m", "pipelines.prepare").error == said


def test_tracking_that_is_away_from_the_start_is_one_line(workspace: Workspace) -> None:
    before = workspace.outputs()
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    ended = workspace.run("train", *STAGES["train"], **away)
    assert (ended.code, len(ended.err.strip().splitlines())) == (1, 1), ended
    assert ended.err.startswith("error: tracking at http://127.0.0.1:9: ")
    assert workspace.outputs() == before
