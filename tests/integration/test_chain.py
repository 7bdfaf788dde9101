"""The whole chain for real at smoke size: as a flow, as `dvc repro`, asked, run again, and with a param changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from smoke_workspace import PARAMS, Ended, Workspace, make_workspace
from undisturbed import tracked_runs

pytestmark = pytest.mark.chain

METHODS = PARAMS["methods"]
PATIENT = "Invented patient: cendalgia, no oskuria."


SECRETS = {
    name: f"planted-{name.lower()}"
    for name in (
        "HF_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "OPENAI_API_KEY",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "PREFECT_API_KEY",
        "SETWISE_ENDPOINT_KEY",
        "DATABASE_PASSWORD",
    )
}
SECRET_ADDRESS = "https://planted-user:planted-password@127.0.0.1:9/store"
KEPT_BY_THE_USER = {".git/config", ".dvc/config.local"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Ended]:
    """A fresh clone in which the flow has run, and how it ended."""
    workspace = make_workspace(tmp_path_factory.mktemp("chain") / "clone")
    workspace.environment = {"PREFECT_HOME": str(workspace.root / ".prefect"), "MLFLOW_TRACKING_URI": ""}
    workspace.environment |= SECRETS
    dvc = [sys.executable, "-m", "dvc"]
    remotes = (["git", "remote", "add", "origin"], [*dvc, "remote", "add", "--local", "--default", "store"])
    for command in (["git", "init", "--quiet"], [*dvc, "init", "--quiet"], *([*r, SECRET_ADDRESS] for r in remotes)):
        subprocess.run(command, cwd=workspace.root, check=True)
    config = f"[core]\n    analytics = false\n    site_cache_dir = {workspace.root / '.dvc' / 'site'}\n"
    (workspace.root / ".dvc" / "config").write_text(config)
    return workspace, workspace.python("-m", "flows.rebuild", "--max-parallel", "2")


@pytest.fixture
def done(chain: tuple[Workspace, Ended]) -> Workspace:
    """The workspace after the flow, with its own params."""
    workspace, ended = chain
    assert ended.code == 0, ended
    workspace.write_params(PARAMS)
    return workspace


def changed_stages(workspace: Workspace) -> set[str]:
    """What `dvc status` finds out of date."""
    ended = workspace.python("-m", "dvc", "status", "--json")
    assert ended.code == 0, ended
    return set(json.loads(ended.out))


def test_the_flow_runs_every_stage_and_ends_with_the_report(chain: tuple[Workspace, Ended]) -> None:
    workspace, ended = chain
    assert ended.code == 0, ended
    assert "stages: 10 ran" in ended.out
    assert "report.html" in ended.out
    metrics = json.loads((workspace.root / "reports" / "metrics.json").read_text())["methods"]
    assert set(METHODS) <= set(metrics)
    assert "<html" in (workspace.root / "reports" / "report.html").read_text()


def test_a_second_run_does_nothing_and_says_so(done: Workspace) -> None:
    before = done.outputs()
    ended = done.python("-m", "flows.rebuild")
    assert (ended.code, "nothing to do: all 10 stages unchanged" in ended.out) == (0, True), ended
    assert done.outputs() == before


def test_dvc_alone_finds_nothing_to_do_either(done: Workspace) -> None:
    assert changed_stages(done) == set()


def test_each_method_has_one_finished_tracking_run_with_curves_and_metrics(done: Workspace) -> None:
    program = (
        "import json; from setwise.tracking import get_client, get_experiment\n"
        "c = get_client(); runs = c.search_runs([get_experiment(c, 'clinic')])\n"
        "kept = lambda r: sorted(a.path for a in c.list_artifacts(r.info.run_id, 'report'))\n"
        "print(json.dumps([[r.info.run_name, r.info.status, sorted(r.data.metrics), kept(r)] for r in runs]))"
    )
    runs = json.loads(done.python("-c", program).out)
    assert sorted((run[0], run[1]) for run in runs) == sorted((f"{m}-k2-seed0", "FINISHED") for m in METHODS)
    for _, _, metrics, report in runs:
        assert {"train/reward", "train/held_out_reward", "eval/valid_rate", "eval/valid_rate_lo"} <= set(metrics)
        assert "report/report.html" in report


def test_another_learning_rate_makes_training_and_what_follows_stale_and_no_more(done: Workspace) -> None:
    done.set(train__learning_rate=0.002)
    assert changed_stages(done) == {f"train@{method}" for method in METHODS}
    dry = done.python("-m", "dvc", "repro", "--dry", "--force-downstream")
    assert stages_run(dry) == {
        *(f"{stage}@{method}" for stage in ("train", "generate", "judge") for method in METHODS),
        "report",
    }


def dvc(workspace: Workspace, *arguments: str) -> Ended:
    return workspace.python("-m", "dvc", *arguments)


def stages_run(ended: Ended) -> set[str]:
    """The stages that `dvc repro` ran."""
    assert ended.code == 0, ended
    return {line.split("'")[1] for line in ended.out.splitlines() if line.startswith("Running stage")}


def judged_anew(workspace: Workspace, before: dict[str, bytes]) -> set[str]:
    """What changed; nothing of it may be of a model or a completion."""
    after = workspace.outputs()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert not [name for name in changed if name.startswith(("models/", "reports/completions/", "reports/curves/"))]
    return changed


JUDGES = {f"judge@{method}" for method in METHODS}


def test_another_number_of_resamples_is_judged_and_reported_again_and_no_more(done: Workspace) -> None:
    before = done.outputs()
    done.set(evaluate__resamples=150)
    assert changed_stages(done) == {*JUDGES, "report"}
    assert stages_run(dvc(done, "repro")) == {*JUDGES, "report"}
    assert "reports/evaluation/rlcr_multi/one.json" in judged_anew(done, before)
    done.write_params(PARAMS)
    assert stages_run(dvc(done, "repro")) == set()
    assert done.outputs() == before


def test_an_edited_metric_makes_judging_and_the_report_stale_and_no_more(done: Workspace) -> None:
    path = done.root / "setwise" / "metrics" / "coverage.py"
    code = path.read_text()
    path.write_text(f"{code}# mended\n")
    assert changed_stages(done) == {*JUDGES, "report"}
    path.write_text(code)


ANOTHER_LABEL = """    first, *others = prepared.splits["test"]
    gold = next(name for name, p in first.posterior if p > 0 and name != first.gold[0][0])
    prepared.splits["test"][:] = [type(first)(**{**vars(first), "gold": ((gold,),)}), *others]
    with whole_folder("""


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("setwise/matching/exact.py", 'return " ".join(composed.split())', "return composed[:1]"),
        ("pipelines/prepare.py", "    with whole_folder(", ANOTHER_LABEL),
    ],
    ids=["matcher", "label"],
)
def test_another_matcher_or_label_of_the_test_split_trains_and_generates_nothing(
    file: str, old: str, new: str, done: Workspace
) -> None:
    before, code = done.outputs(), (done.root / file).read_text()
    assert old in code
    (done.root / file).write_text(code.replace(old, new, 1))
    ended = dvc(done, "repro", "judge@rlcr_multi")
    changed = judged_anew(done, before)
    (done.root / file).write_text(code)
    assert stages_run(dvc(done, "repro")) == set()
    assert stages_run(ended) == {"prepare", "validate", "judge@rlcr_multi"}
    assert "reports/evaluation/rlcr_multi/one.json" in changed
    assert done.outputs() == before


def test_kept_completions_are_judged_by_hand_as_the_stage_judged_them(done: Workspace) -> None:
    before = done.outputs()
    for method in METHODS:
        for path in sorted((done.root / "reports" / "completions" / method).glob("*.parquet")):
            ended = done.python("-m", "setwise.cli", "judge", str(path.relative_to(done.root)), "--json")
            report = (done.root / "reports" / "evaluation" / method / path.name).with_suffix(".json")
            assert json.loads(ended.out) == json.loads(report.read_text()), ended
    assert done.outputs() == before


def test_a_stage_that_refuses_its_params_names_what_brings_its_last_good_outputs_back(done: Workspace) -> None:
    before, lock = done.outputs(), (done.root / "dvc.lock").read_bytes()
    done.set(train__learning_rte=0.002)
    ended = dvc(done, "repro")
    assert ended.code != 0
    assert "error: params.yaml: unknown key train.learning_rte: did you mean 'learning_rate'?" in ended.err
    assert "Traceback" not in ended.err
    assert (done.root / "dvc.lock").read_bytes() == lock
    lost = before.keys() - done.outputs().keys()
    assert lost
    (named,) = [line for line in ended.err.splitlines() if "come back by `dvc checkout" in line]
    assert dvc(done, *named.split("`")[1].split()[1:]).code == 0
    assert done.outputs() == before


def test_going_back_to_earlier_params_restores_what_was_made_by_the_flow_and_by_dvc_alone(done: Workspace) -> None:
    before, runs = done.outputs(), tracked_runs(done)
    target = ("repro", "--single-item", f"train@{METHODS[0]}")
    done.set(train__steps=10)
    assert "Running stage" in dvc(done, *target).out
    assert done.outputs() != before
    done.write_params(PARAMS)
    assert "stages: 1 restored, 9 unchanged" in done.python("-m", "flows.rebuild").out
    assert done.outputs() == before

    done.set(train__steps=10)
    assert "is cached - skipping run" in dvc(done, *target).out
    done.write_params(PARAMS)
    assert "Running stage" not in dvc(done, "repro").out
    assert done.outputs() == before
    assert len(tracked_runs(done)) == len(runs) + 1
    assert not list((done.root / "checkpoints").glob("**/*.parquet"))


def test_deleted_models_are_restored(done: Workspace) -> None:
    before = done.outputs()
    shutil.rmtree(done.root / "models")
    ended = dvc(done, "repro")
    assert (ended.code, "Running stage" in ended.out) == (0, False), ended
    assert done.outputs() == before


def test_a_fresh_clone_with_the_lock_file_and_the_remote_runs_nothing(done: Workspace, tmp_path: Path) -> None:
    remote = str(tmp_path / "remote")
    unknown_to_git = ("cache", "tmp", "models", "data", "reports", "mlruns", "checkpoints", ".prefect")
    shutil.copytree(done.root, tmp_path / "clone", ignore=shutil.ignore_patterns(*unknown_to_git, ".log-*"))
    clone = Workspace(tmp_path / "clone", dict(done.environment))
    for workspace, command in ((done, "push"), (clone, "pull")):
        assert dvc(workspace, "remote", "add", "--local", "--force", "folder", remote).code == 0
        assert dvc(workspace, command, "--remote", "folder").code == 0
    assert clone.outputs() == done.outputs()
    ended = dvc(clone, "repro")
    assert (ended.code, "Running stage" in ended.out) == (0, False), ended
    assert clone.python("-m", "dvc", "status", "--json").out.strip() == "{}"


def test_the_flow_ends_with_exit_code_2_and_the_line_of_the_stage(done: Workspace) -> None:
    done.set(train__learning_rte=0.002)
    ended = done.python("-m", "flows.rebuild")
    assert ended.code == 2, ended
    assert "params.yaml: unknown key train.learning_rte: did you mean 'learning_rate'?" in ended.out


def test_the_trained_model_answers_with_ranked_confidences(done: Workspace) -> None:
    question = json.loads(done.python("-c", FIRST_QUESTION).out)
    reply = json.loads(done.python("-m", "setwise.cli", "ask", question, "--json").out)
    if reply["valid"]:
        confidences = [answer["confidence"] for answer in reply["answers"]]
        assert len(confidences) == PARAMS["k"]
        assert confidences == sorted(confidences, reverse=True)
    else:
        assert reply["reason"]


FIRST_QUESTION = (
    "import json, pyarrow.parquet as pq;"
    "print(json.dumps(pq.read_table('data/clinic/test.parquet')['question'][0].as_py()))"
)


def test_a_single_answer_model_answers_with_one_line(done: Workspace) -> None:
    question = json.loads(done.python("-c", FIRST_QUESTION).out)
    ended = done.python("-m", "setwise.cli", "ask", question, "--method", "rlvr_single")
    assert (ended.err, len(ended.out.strip().splitlines())) == ("", 1)


def test_asking_an_unknown_method_lists_the_known_ones(done: Workspace) -> None:
    error = done.python("-m", "setwise.cli", "ask", PATIENT, "--method", "rlvr").error
    assert error == "error: unknown method 'rlvr': use one of rlvr_single, rlcr_single, rlvr_multi, rlcr_multi"


def test_asking_a_method_that_is_not_trained_says_how_to_train_it(done: Workspace) -> None:
    error = done.python("-m", "setwise.cli", "ask", PATIENT, "--method", "rlvr_multi").error
    assert "rlvr_multi is not trained; run `dvc repro train@rlvr_multi`" in error


def test_no_secret_of_the_environment_is_in_any_file_or_line_of_the_run(chain: tuple[Workspace, Ended]) -> None:
    workspace, ended = chain
    assert "planted-" not in ended.out + ended.err
    files = {str(path.relative_to(workspace.root)): path for path in workspace.root.rglob("*") if path.is_file()}
    assert {"mlruns/mlflow.db", ".prefect/prefect.db", "dvc.lock"} <= set(files)
    holding = {name for name, path in files.items() if b"planted-" in path.read_bytes()}
    assert holding == KEPT_BY_THE_USER


def test_nothing_of_this_machine_stands_in_the_report(done: Workspace) -> None:
    page = (done.root / "reports" / "report.html").read_text()
    assert str(Path(os.path.realpath(done.root))) not in page
