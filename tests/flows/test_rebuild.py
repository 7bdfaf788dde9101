"""The flow on a small real DVC project, against a real Prefect server."""

import subprocess
import sys

import pytest
import yaml

from flows.rebuild import rebuild
from flows.side_by_side import Rebuild

pytestmark = pytest.mark.usefixtures("prefect_server")


def run(project, **parameters) -> Rebuild:
    state = rebuild(workspace=str(project.root), return_state=True, **parameters)
    result = state.result(raise_on_failure=False)
    assert isinstance(result, Rebuild), result
    return result


def states(result: Rebuild) -> dict[str, str]:
    return {name: outcome.state for name, outcome in result.outcomes.items()}


def test_the_first_run_runs_every_stage_after_what_it_reads_from(project):
    result = run(project)
    assert states(result) == dict.fromkeys(project.stages, "ran")
    started = project.starts()
    assert (started[0], started[-1], sorted(started)) == ("prepare", "report", sorted(project.stages))


def test_a_second_run_starts_no_stage_and_says_so(project):
    run(project)
    project.starts()
    result = run(project)
    assert project.starts() == []
    assert result.summary() == "nothing to do: all 4 stages unchanged"


def test_changing_a_param_runs_the_stages_that_read_it_and_no_more(project):
    run(project)
    project.starts()
    project.set_rate(2)
    assert states(run(project)) == {"prepare": "unchanged", "train@a": "ran", "train@b": "ran", "report": "ran"}
    assert sorted(project.starts()) == ["report", "train@a", "train@b"]


def test_going_back_to_an_earlier_param_restores_outputs_without_running(project):
    run(project)
    first = project.outputs()
    project.set_rate(2)
    run(project)
    project.starts()
    project.set_rate(1)
    result = run(project)
    assert states(result)["train@a"] == "restored"
    assert project.starts() == []
    assert project.outputs() == first


def test_the_outputs_equal_those_of_dvc_repro_alone(project, new_project):
    alone = new_project("alone", project.methods)
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet"], cwd=alone.root, check=True)
    run(project)
    assert project.outputs() == alone.outputs()
    assert yaml.safe_load((project.root / "dvc.lock").read_text()) == yaml.safe_load(
        (alone.root / "dvc.lock").read_text()
    )


def test_many_stages_side_by_side_lose_no_record(new_project):
    project = new_project("wide", tuple(f"m{n:02d}" for n in range(16)))
    assert run(project, max_parallel=8).exit_code == 0
    assert set(yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]) == set(project.stages)


def test_a_target_brings_its_inputs_and_nothing_downstream(project):
    assert set(states(run(project, targets=["train"]))) == {"prepare", "train@a", "train@b"}


def test_an_unknown_target_is_refused_by_name(project):
    result = run(project, targets=["trian"])
    assert result.exit_code == 2
    assert "trian" in result.summary()
    assert "train@a" in result.summary()


def test_bad_input_ends_the_run_with_the_stages_own_line(project):
    project.in_every_stage(
        """
        if name == "train@a":
            sys.exit(print("params.yaml: rate: too low; use 2 or more", file=sys.stderr) or 2)
        """
    )
    result = run(project, max_parallel=1)
    assert (result.exit_code, result.summary()) == (2, "train@a: params.yaml: rate: too low; use 2 or more")
    assert project.starts() == ["prepare", "train@a"]
    assert result.skipped == ["train@b", "report"]


def test_a_failed_stage_stops_only_what_depends_on_it(project):
    project.in_every_stage("if name == 'train@a': raise SystemExit(1)")
    result = run(project)
    assert states(result) == {"prepare": "ran", "train@a": "failed", "train@b": "ran"}
    assert (result.exit_code, result.skipped) == (1, ["report"])


def test_a_failed_stage_keeps_the_outputs_of_its_last_good_run(project):
    run(project)
    good = project.outputs()
    project.set_rate(2)
    project.in_every_stage("if name.startswith('train'): raise SystemExit(2)")
    assert run(project).exit_code == 2
    assert project.outputs() == good


def test_a_stage_killed_from_outside_is_run_again(project):
    project.in_every_stage(
        """
        import signal
        once = pathlib.Path("killed")
        if name == "train@a" and not once.exists():
            once.touch(); os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert run(project).exit_code == 0
    assert project.starts().count("train@a") == 2


def test_a_plain_failure_is_not_tried_again(project):
    project.in_every_stage("if name == 'prepare': raise SystemExit(1)")
    run(project)
    assert project.starts() == ["prepare"]


def test_a_broken_pipeline_file_is_refused_in_one_line(project):
    (project.root / "dvc.yaml").write_text("stages: [\n")
    result = run(project)
    assert (result.exit_code, "\n" in result.summary(), "dvc.yaml" in result.summary()) == (2, False, True)


def test_imported_data_that_is_missing_is_brought_back_from_the_cache(project):
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", "raw.txt"], cwd=project.root, check=True)
    run(project)
    (project.root / "raw.txt").unlink()
    project.starts()
    result = run(project)
    assert result.exit_code == 0, result.summary()
    assert (project.root / "raw.txt").read_text() == "raw\n"
    assert project.starts() == []
