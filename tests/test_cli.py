"""The command line: help everywhere, one-line errors with exit code 2, answers that can be read by a program."""

from pathlib import Path

import pytest
from smoke_workspace import PARAMS, REPOSITORY, Ended, Workspace
from typer.testing import CliRunner

from setwise.ask import Reply
from setwise.cli import app
from setwise.engines.vllm import is_vllm_installed
from setwise.errors import InputError


def setwise(workspace: Workspace, *arguments: str) -> Ended:
    return workspace.python("-m", "setwise.cli", *arguments)


@pytest.mark.parametrize(
    "command", [[], ["ask"], ["check"], ["doctor"], ["judge"], ["recipe"], ["recipe", "list"], ["recipe", "use"]]
)
def test_every_command_has_help(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_recipes_are_listed_shown_and_used(bare_workspace: Workspace) -> None:
    assert "* clinic" not in setwise(bare_workspace, "recipe", "list").out
    used = setwise(bare_workspace, "recipe", "use", "clinic")
    assert "the params that were there are kept in params.yaml.before-clinic" in used.out
    assert "params.yaml is now recipe clinic (domain clinic); next: make run, or dvc repro" in used.out
    assert "* clinic" in setwise(bare_workspace, "recipe", "list").out
    shown = setwise(bare_workspace, "recipe", "show", "clinic").out
    assert shown == (REPOSITORY / "recipes" / "clinic.yaml").read_text()
    complete = setwise(bare_workspace, "recipe", "show", "clinic", "--complete").out
    assert complete == (bare_workspace.root / "params.yaml").read_text()


@pytest.mark.parametrize("content", ["k: 2\nk: 3", "trian: {}", "train: {steps: many}", "", "# A title.", "[", "k: \0"])
@pytest.mark.parametrize("command", [("recipe", "show"), ("recipe", "use"), ("plan",)], ids=" ".join)
def test_a_wrong_recipe_is_one_line_and_changes_nothing(
    content: str, command: tuple[str, ...], bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bare_workspace.root)
    (bare_workspace.root / "recipes" / "wrong.yaml").write_text(content)
    before = (bare_workspace.root / "params.yaml").read_bytes()
    result = CliRunner().invoke(app, [*command, "wrong"])
    assert isinstance(result.exception, InputError)  # which `main` says in one line, with exit code 2
    assert str(result.exception).startswith("recipes/wrong.yaml: ")
    assert "\n" not in str(result.exception)
    assert (bare_workspace.root / "params.yaml").read_bytes() == before


def test_an_unknown_recipe_is_one_line_and_changes_nothing(bare_workspace: Workspace) -> None:
    before = (bare_workspace.root / "params.yaml").read_bytes()
    assert "unknown recipe 'clinc': did you mean 'clinic'?" in setwise(bare_workspace, "recipe", "use", "clinc").error
    assert (bare_workspace.root / "params.yaml").read_bytes() == before


def test_recipes_can_be_listed_with_broken_params(bare_workspace: Workspace) -> None:
    (bare_workspace.root / "params.yaml").write_text("train: {a")
    assert "  clinic" in setwise(bare_workspace, "recipe", "list").out


def test_check_names_a_key_that_no_stage_reads(bare_workspace: Workspace) -> None:
    assert setwise(bare_workspace, "check").out == "params.yaml: domain clinic, K = 2, rlvr_single, rlcr_multi\n"
    bare_workspace.write_params({**PARAMS, "thread": 2})
    assert setwise(bare_workspace, "check").error.endswith("unknown key thread: did you mean 'threads'?")


def test_check_and_doctor_say_which_data_are_missing(bare_workspace: Workspace, tmp_path: Path) -> None:
    release = {key: f"${{SETWISE_REAL_DATA}}/{key}.json" for key in ("train", "evidences", "conditions")}
    bare_workspace.set(domain={"name": "ddxplus", **release, "test_size": 10})
    bare_workspace.environment["SETWISE_REAL_DATA"] = ""
    unset = setwise(bare_workspace, "check").error
    for key in release:
        assert f"domain.{key}: ${{SETWISE_REAL_DATA}}/{key}.json needs the environment variable" in unset
    bare_workspace.environment["SETWISE_REAL_DATA"] = str(tmp_path)
    for key in ("evidences", "conditions"):
        (tmp_path / f"{key}.json").write_text("{}")
    assert setwise(bare_workspace, "check").error.startswith(f"error: domain.train: {tmp_path}/train.json is not there")
    doctor = {line.split()[1]: line for line in setwise(bare_workspace, "doctor").out.splitlines()}
    assert doctor["data"].startswith("missing  data")
    (tmp_path / "train.json").write_text("[]")
    assert setwise(bare_workspace, "check").code == 0


def test_data_that_are_missing_are_a_note_where_they_are_prepared_already(bare_workspace: Workspace) -> None:
    bare_workspace.set(domain={"name": "qa", "train": "raw/rows.jsonl"})
    (bare_workspace.root / "data" / "qa").mkdir(parents=True)
    (bare_workspace.root / "data" / "qa" / "prepared.json").write_text("{}")
    said = setwise(bare_workspace, "check").out
    assert "note: domain.train: raw/rows.jsonl is not there" in said
    assert "the data prepared before are used" in said


def test_asking_before_anything_is_trained_says_what_to_run(bare_workspace: Workspace) -> None:
    error = setwise(bare_workspace, "ask", "Who?").error
    assert error == "error: models: no trained model of rlvr_single, rlcr_multi; run `make run` first"


def test_an_empty_question_is_refused(bare_workspace: Workspace) -> None:
    assert setwise(bare_workspace, "ask", " ").error == "error: the question is empty; put it in quotes"


def test_a_question_that_is_no_text_is_refused(bare_workspace: Workspace) -> None:
    for champion in ((), ("--champion",)):
        error = setwise(bare_workspace, "ask", "\udcff\udcfe", *champion).error
        assert error == "error: the question is no valid text; write it as UTF-8"


def test_a_temperature_without_end_is_refused(bare_workspace: Workspace) -> None:
    error = setwise(bare_workspace, "ask", "Who?", "--temperature", "inf").error
    assert error == "error: --temperature inf: give a finite number of at least 0"


@pytest.mark.parametrize("command", [["leaderboard", "eval/coverage_at_1"], ["ask", "Who?", "--champion"]])
@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "/nowhere", "foo://x"])
def test_tracking_that_is_away_is_one_line(command: list[str], address: str, bare_workspace: Workspace) -> None:
    away = {"MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    ended = bare_workspace.python("-m", "setwise.cli", *command, **away)
    assert (ended.code, len(ended.err.strip().splitlines())) == (1, 1), ended
    assert ended.err.startswith(f"error: tracking at {address}: ")
    assert "start the server or mend the store" in ended.err


@pytest.mark.parametrize("sweep", ["a' or 1=1", 'a"', "", "%"])
def test_what_can_be_no_sweep_is_refused(sweep: str, bare_workspace: Workspace) -> None:
    error = setwise(bare_workspace, "leaderboard", "eval/coverage_at_1", "--sweep", sweep).error
    assert error.startswith(f"error: --sweep {sweep}: no id of a sweep")


@pytest.mark.parametrize(
    ("given", "sent"), [([], None), (["--temperature", "0"], 0.0), (["--temperature", "0.7"], 0.7)]
)
def test_the_champion_is_asked_as_it_is_served_unless_told_otherwise(
    given: list[str], sent: float | None, bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.chdir(bare_workspace.root)
    monkeypatch.setattr(
        "setwise.serving.champion.ask_champion", lambda *arguments: asked.append(arguments) or Reply((), "", "")
    )
    result = CliRunner().invoke(app, ["ask", "Who?", "--champion", *given])
    assert (result.exit_code, asked) == (0, [("Who?", "clinic", sent)])


def test_doctor_names_packages_accelerator_engine_and_what_is_missing(bare_workspace: Workspace) -> None:
    (bare_workspace.root / "params.yaml").unlink()
    ended = setwise(bare_workspace, "doctor")
    lines = {line.split()[1]: line for line in ended.out.splitlines()}
    assert {"python", "torch", "mlflow", "dvc", "accelerator", "engine", "git", "params.yaml"} <= set(lines)
    assert lines["params.yaml"].startswith("missing")
    assert (ended.code, ended.err) == (1, "")


def engine_in(workspace: Workspace, **evaluate: object) -> str:
    """What doctor says of the engine."""
    workspace.set(evaluate={**PARAMS["evaluate"], **evaluate})
    return next(line for line in setwise(workspace, "doctor").out.splitlines() if " engine " in line)


def test_doctor_says_which_engine_the_params_would_use(bare_workspace: Workspace) -> None:
    endpoint = {"url": "http://127.0.0.1:1/v1", "key_variable": "OF_THE_ENDPOINT"}
    asked = engine_in(bare_workspace, endpoint=endpoint)
    assert "openai (auto: evaluate.endpoint is http://127.0.0.1:1/v1); export OF_THE_ENDPOINT" in asked
    assert asked.startswith("missing")
    bare_workspace.environment["OF_THE_ENDPOINT"] = "given"
    assert engine_in(bare_workspace, endpoint=endpoint).startswith("ok")
    assert "transformers (evaluate.engine)" in engine_in(bare_workspace, engine="transformers")


@pytest.mark.skipif(is_vllm_installed(), reason="vLLM is installed")
def test_doctor_misses_an_engine_that_the_params_name(bare_workspace: Workspace) -> None:
    said = engine_in(bare_workspace, engine="vllm")
    assert said.startswith("missing")
    assert "vllm (evaluate.engine); not installed: `pip install" in said
