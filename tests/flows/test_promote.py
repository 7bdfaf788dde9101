"""The flow promote, with real answers, a real MLflow database and a real Prefect server; only training is scripted."""

import contextvars
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "registry"))
from registry_world import Skill, make_examples, make_workspace

from flows import promote as flow_module
from flows.promote import Approval, promote, rollback
from setwise.errors import InputError
from setwise.registry.versions import GATE, get_aliased
from setwise.tracking import CHALLENGER, CHAMPION, TrackingError, get_client

pytestmark = pytest.mark.usefixtures("prefect_server")
NAME = "setwise-clinic"
HOUSE = Path(flow_module.__file__).parent.parent
GOOD = Skill(right=0.5, stated=0.5)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A workspace whose first model is champion; later tests go on from where it is."""
    workspace = make_workspace(tmp_path_factory.mktemp("promotion") / "workspace")
    workspace.contender(1, GOOD)
    assert run(workspace).name == "Promoted"
    return workspace


def run(workspace, method=None):
    return promote(str(workspace.root), method, return_state=True)


def aliases(workspace) -> dict[str, str | None]:
    client = get_client(workspace.root)
    found = {alias: get_aliased(client, NAME, alias) for alias in (CHAMPION, CHALLENGER)}
    return {alias: version and str(version.version) for alias, version in found.items()}


def gate_of(workspace, version: str) -> dict:
    return json.loads(get_client(workspace.root).get_model_version(NAME, version).tags[GATE])


def artifacts(key: str) -> list:
    from prefect.client.orchestration import get_client as get_prefect
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_prefect(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return sorted(found, key=lambda artifact: artifact.created)


def test_the_first_model_is_champion_and_its_version_carries_its_card(first):
    assert aliases(first) == {CHAMPION: "1", CHALLENGER: None}
    version = get_client(first.root).get_model_version(NAME, "1")
    metrics = json.loads(version.tags["setwise.metrics"])
    assert version.tags["setwise.method"] == "rlcr_multi"
    assert len(version.tags["setwise.weights"]) == 64
    assert set(json.loads(version.tags["setwise.data"])) == {"train", "test"}
    assert metrics["pass_at_1"]["lo"] < metrics["pass_at_1"]["value"] < metrics["pass_at_1"]["hi"]
    assert "Limits" in version.description


def test_promoting_the_champion_again_changes_nothing(first):
    first.contender(1, GOOD)
    state = run(first)
    assert state.name == "Refused"
    assert "is the champion already" in state.message
    assert aliases(first) == {CHAMPION: "1", CHALLENGER: None}


@pytest.mark.parametrize(
    ("seed", "skill", "why"),
    [
        (2, Skill(right=0.3, stated=0.3), "pass_at_1: worse by -0."),
        (3, GOOD, "pass_at_1: no clear difference: +0.0000 [+0.0000, +0.0000]"),
        (4, Skill(right=0.7, stated=0.2), "ece_width: worse by 0."),
        (5, Skill(right=0.7, stated=0.7, words=40), "tokens_per_question: worse by "),
        (6, Skill(right=0.8, valid=0.9, stated=0.72), "valid_rate: worse by 0."),
    ],
    ids=["worse", "equal", "better but overconfident", "better but longer", "better but often invalid"],
)
def test_a_challenger_that_is_worse_in_anything_asked_is_refused_and_says_why(first, seed, skill, why):
    first.contender(seed, skill)
    state = run(first)
    assert (state.name, state.is_completed()) == ("Refused", True)
    assert why in state.message
    assert aliases(first)[CHAMPION] == "1"
    challenger = aliases(first)[CHALLENGER]
    assert gate_of(first, challenger)["verdict"] == "refused"
    shown = artifacts("promotion")[-1]
    assert why in shown.description.replace("\\", "")
    assert "no" in [row["passed"] for row in json.loads(shown.data)]


def test_a_better_challenger_becomes_champion_and_one_command_takes_it_back(tmp_path):
    workspace = make_workspace(tmp_path / "workspace")
    workspace.contender(1, GOOD)
    run(workspace)
    workspace.contender(2, Skill(right=0.7, stated=0.7))
    state = run(workspace)
    assert state.name == "Promoted", state.message
    assert aliases(workspace) == {CHAMPION: "2", CHALLENGER: None}
    (improvement, *_guards) = gate_of(workspace, "2")["checks"]
    assert 0 < improvement["lo"] < improvement["difference"] < improvement["hi"]

    assert "version 1 is champion again" in rollback(workspace.root)
    assert aliases(workspace)[CHAMPION] == "1"
    again = run(workspace)
    assert again.name == "Refused"
    assert "rolled back on" in again.message
    with pytest.raises(InputError, match="the first champion; there is none to go back to"):
        rollback(workspace.root)


def test_with_mlflow_away_it_fails_in_one_line_and_so_does_the_way_back(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "workspace", n_questions=20)
    workspace.contender(1, GOOD)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    state = run(workspace)
    assert state.is_failed()
    assert state.message.startswith("tracking at http://127.0.0.1:9: ")
    with pytest.raises(TrackingError, match=r"^tracking at http://127\.0\.0\.1:9: "):
        rollback(workspace.root)


def test_on_new_questions_the_champion_answers_anew_once(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "workspace", n_questions=40)
    workspace.contender(1, GOOD)
    run(workspace)
    workspace.ask_about(make_examples(50, seed=3))
    workspace.contender(2, Skill(right=0.9, stated=0.9))
    state = run(workspace)
    decision = state.result()
    assert decision.n_questions == 50
    assert decision.checks[0].champion == 0.0, "the champion's weights are random: what they say is no set"
    assert state.name == "Promoted"

    workspace.contender(3, Skill(right=0.2, stated=0.9))
    from setwise.registry import contest

    monkeypatch.setattr(contest, "answer_anew", None)
    assert run(workspace).name == "Refused", "the answers of version 2 are kept"


@pytest.mark.parametrize(("answer", "ends"), [(True, "Promoted"), (False, "Denied")])
def test_with_approval_required_a_person_has_the_last_word(tmp_path, answer, ends):
    workspace = make_workspace(tmp_path / "workspace", n_questions=40)
    workspace.set(require_approval=True)
    workspace.contender(1, GOOD)
    states = []
    context = contextvars.copy_context()
    flow = threading.Thread(target=context.run, args=(lambda: states.append(run(workspace)),))
    flow.start()
    resume(workspace, Approval(approve=answer, by="<b>Ada</b>"))
    flow.join(120)
    assert states[0].name == ends
    assert aliases(workspace)[CHAMPION] == ("1" if answer else None)
    if answer:
        assert get_client(workspace.root).get_model_version(NAME, "1").tags["setwise.approved_by"] == "<b>Ada</b>"


def resume(workspace, approval: Approval) -> None:
    """Do what the button in the UI does, once the run of this workspace waits."""
    from prefect.client.orchestration import get_client as get_prefect
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.flow_runs import resume_flow_run

    deadline = time.monotonic() + 120
    with get_prefect(sync_client=True) as client:
        while True:
            query = FlowRunFilter.model_validate({"state": {"type": {"any_": ["PAUSED"]}}})
            waiting = [
                one
                for one in client.read_flow_runs(flow_run_filter=query)
                if one.parameters.get("workspace") == str(workspace.root)
            ]
            if waiting:
                break
            assert time.monotonic() < deadline, "the flow never waited"
            time.sleep(0.2)
    resume_flow_run(waiting[0].id, run_input=approval.model_dump())


def test_nobody_approving_in_time_is_no_promotion(tmp_path, monkeypatch):
    monkeypatch.setattr(flow_module, "POLL_SECONDS", 1)
    workspace = make_workspace(tmp_path / "workspace", n_questions=40)
    workspace.set(require_approval=True, approval_hours=1 / 3600)
    workspace.contender(1, GOOD)
    state = run(workspace)
    assert state.is_failed()
    assert aliases(workspace) == {CHAMPION: None, CHALLENGER: "1"}


def test_answers_of_other_weights_are_not_taken(tmp_path):
    workspace = make_workspace(tmp_path / "workspace", n_questions=40)
    workspace.contender(1, GOOD)
    workspace.train(2)
    state = run(workspace)
    assert state.is_failed()
    assert "dvc repro judge@rlcr_multi" in state.message
    assert aliases(workspace) == {CHAMPION: None, CHALLENGER: None}


def test_a_workspace_without_a_model_is_told_what_to_run(tmp_path):
    state = run(make_workspace(tmp_path / "workspace", n_questions=5))
    assert state.is_failed()
    assert "run `make run` first" in state.message


@pytest.mark.parametrize("method", ["../../etc", "rlvr_single", "/tmp"])
def test_a_method_that_is_not_in_the_params_is_refused(first, method):
    state = run(first, method)
    assert state.is_failed()
    assert method in state.message


@pytest.mark.operations
def test_the_command_promotes_and_rolls_back(tmp_path, prefect_server):
    workspace = make_workspace(tmp_path / "workspace", n_questions=40)
    workspace.contender(1, GOOD)

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(HOUSE), "PREFECT_API_URL": prefect_server}
        return subprocess.run(
            [sys.executable, "-m", "flows.promote", *arguments],
            cwd=workspace.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    early = command("--rollback")
    assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    assert early.stderr.startswith("error: setwise-clinic: no champion to roll back")
    wrong = command("--method", "rlvr_single")
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("add it there, or use rlcr_multi\n")
    done = command()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Promoted: setwise-clinic version 1 against no champion: passed: no champion yet\n")
    late = command("--rollback")
    assert late.returncode == 2
    assert "the first champion" in late.stderr
