"""Training that is killed goes on where it was; what goes wrong is said; the best checkpoint is kept."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from smoke_workspace import Started, Workspace
from undisturbed import SAVED_EVERY, STEPS, WORKDIR, assert_as_undisturbed, tracked_runs

from setwise.digests import weights_digest
from setwise.domains.parquet import read_examples, write_examples
from setwise.training.checkpoints import read_progress, seal, step_of, write_progress

METHOD = ("--method", "rlcr_multi")


def kill_when(started: Started, condition: Callable[[], bool]) -> None:
    """Kill as soon as the condition holds; the stage must not have ended before."""
    end = time.monotonic() + 300
    while not condition():
        assert started.running, started.wait()
        assert time.monotonic() < end
        time.sleep(0.001)
    started.kill()
    assert started.process.exitcode == -signal.SIGKILL


def reached(workspace: Workspace, step: int) -> Callable[[], bool]:
    """The row of that step is written."""
    path = workspace.root / WORKDIR / "curve.jsonl"
    return lambda: path.exists() and path.read_text().count("\n") >= step


def writing_checkpoint(workspace: Workspace, step: int) -> Callable[[], bool]:
    """The checkpoint's folder is there and not finished."""
    folder = workspace.root / WORKDIR / f"checkpoint-{step}"
    return lambda: folder.exists() and not (folder / "manifest.json").exists()


def resumed_from(out: str) -> int:
    """The step that a training said it goes on from; 0 where it began afresh."""
    found = re.search(r"going on from step (\d+) of", out)
    return int(found.group(1)) if found else 0


def train(workspace: Workspace) -> str:
    """Train to the end; what it printed."""
    ended = workspace.run("train", *METHOD)
    assert ended.code == 0, ended
    return ended.out


def test_killed_again_and_again_it_ends_as_if_undisturbed(workspace: Workspace, trained_workspace: Workspace) -> None:
    moments = [reached(workspace, 1), reached(workspace, 5), writing_checkpoint(workspace, 10), reached(workspace, 15)]
    resumed = []
    for moment in moments:
        started = workspace.start("train", *METHOD)
        kill_when(started, moment)
        resumed.append(resumed_from(started.output()))
    resumed.append(resumed_from(train(workspace)))
    assert resumed == [0, 0, 4, 8, 14]
    assert_as_undisturbed(workspace, trained_workspace)


def test_only_checkpoints_that_can_still_be_used_take_up_room(workspace: Workspace) -> None:
    last = workspace.root / WORKDIR / f"checkpoint-{STEPS}" / "manifest.json"
    kill_when(workspace.start("train", *METHOD), last.exists)
    there = {step_of(path.parent) for path in (workspace.root / WORKDIR).glob("checkpoint-*/optimizer.pt")}
    # the last one before may be on its way out
    assert there - {STEPS - 2 * SAVED_EVERY} == {STEPS - SAVED_EVERY, STEPS}
    assert len(list((workspace.root / WORKDIR).glob("checkpoint-*"))) <= 4


def test_killed_while_scoring_the_last_checkpoint_it_ends_as_if_undisturbed(
    workspace: Workspace, trained_workspace: Workspace
) -> None:
    kill_when(workspace.start("train", *METHOD), writing_checkpoint(workspace, STEPS))
    assert resumed_from(train(workspace)) == STEPS - SAVED_EVERY
    assert_as_undisturbed(workspace, trained_workspace)


def test_killed_after_the_last_step_it_only_hands_over(workspace: Workspace, trained_workspace: Workspace) -> None:
    last = workspace.root / WORKDIR / f"checkpoint-{STEPS}" / "manifest.json"
    kill_when(workspace.start("train", *METHOD), last.exists)
    assert "rlcr_multi: 0 steps in" in train(workspace)
    assert_as_undisturbed(workspace, trained_workspace)


def test_the_seconds_of_a_training_are_those_of_all_its_processes(interrupted: Workspace) -> None:
    newest = max((interrupted.root / WORKDIR).glob("checkpoint-*/manifest.json"), key=lambda path: step_of(path.parent))
    progress = read_progress(newest.parent)
    assert progress.seconds > 0
    newest.unlink()
    write_progress(newest.parent, replace(progress, seconds=5000.0))
    seal(newest.parent)
    train(interrupted)
    with sqlite3.connect(interrupted.root / "mlruns" / "mlflow.db") as database:
        ((seconds,),) = database.execute("select value from metrics where key = 'train/seconds'")
    assert seconds > 5000


def test_a_training_that_dvc_could_not_record_any_more_is_not_done_again(
    workspace: Workspace, trained_workspace: Workspace
) -> None:
    in_dvc = {"DVC_STAGE": "train@rlcr_multi"}
    assert workspace.run("train", *METHOD, **in_dvc).code == 0
    made = workspace.outputs()
    shutil.rmtree(workspace.root / "models" / "rlcr_multi")  # as DVC does before it runs a stage
    (workspace.root / "reports" / "curves" / "rlcr_multi.jsonl").unlink()
    again = workspace.run("train", *METHOD, **in_dvc)
    assert "rlcr_multi: 0 steps in" in again.out, again
    assert workspace.outputs() == made
    assert [status for _, status in tracked_runs(workspace)] == ["FINISHED"]

    source = workspace.root / "setwise" / "training" / "rl.py"
    source.write_text(source.read_text() + "# changed\n")
    done_by_other_code = workspace.python("-m", "pipelines.train", *METHOD, **in_dvc)
    assert f"rlcr_multi: {STEPS} steps in" in done_by_other_code.out, done_by_other_code
    assert [status for _, status in tracked_runs(workspace)] == ["FINISHED"] * 2


@pytest.fixture(scope="module")
def interrupted_once(warm_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = warm_workspace.copy(tmp_path_factory.mktemp("interrupted") / "workspace")
    third = workspace.root / WORKDIR / "checkpoint-6" / "manifest.json"
    kill_when(workspace.start("train", *METHOD), third.exists)
    return workspace


@pytest.fixture
def interrupted(interrupted_once: Workspace, tmp_path: Path) -> Workspace:
    """Killed with the checkpoints of steps 2, 4 and 6 finished."""
    return interrupted_once.copy(tmp_path / "workspace")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "file"),
    [(truncate, "optimizer.pt"), (flip_a_bit, "model.safetensors")],
    ids=["truncated", "corrupted"],
)
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    harm: Callable[[Path], None], file: str, interrupted: Workspace, trained_workspace: Workspace
) -> None:
    newest = max((interrupted.root / WORKDIR).glob("checkpoint-*/manifest.json"), key=lambda path: step_of(path.parent))
    harm(newest.parent / file)
    out = train(interrupted)
    name = newest.parent.name
    assert f"{WORKDIR}/{name}: {file} is not what was written; falling back to the one before" in out
    assert resumed_from(out) == step_of(newest.parent) - SAVED_EVERY
    assert_as_undisturbed(interrupted, trained_workspace)


def test_with_every_checkpoint_damaged_it_starts_again_from_the_first_step(
    interrupted: Workspace, trained_workspace: Workspace
) -> None:
    for path in (interrupted.root / WORKDIR).glob("checkpoint-*/trainer_state.json"):
        truncate(path)
    assert resumed_from(train(interrupted)) == 0
    assert_as_undisturbed(interrupted, trained_workspace)


def test_other_params_start_afresh_in_a_run_of_their_own(interrupted: Workspace) -> None:
    interrupted.set(train__learning_rate=0.002)
    out = train(interrupted)
    assert "checkpoints of another training; starting afresh" in out
    assert resumed_from(out) == 0
    assert len(tracked_runs(interrupted)) == 2


def test_when_the_tracking_run_is_gone_the_whole_curve_goes_to_a_new_one(
    interrupted: Workspace, trained_workspace: Workspace
) -> None:
    shutil.rmtree(interrupted.root / "mlruns")
    assert "the tracking run of the interrupted training is gone" in train(interrupted)
    assert_as_undisturbed(interrupted, trained_workspace)


def test_an_unreadable_note_of_the_run_starts_afresh(interrupted: Workspace) -> None:
    (interrupted.root / WORKDIR / "state.json").write_text("{")
    assert "state.json: not readable; starting afresh" in train(interrupted)


def test_a_kill_in_a_later_epoch_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    split = workspace.root / "data" / "clinic" / "train.parquet"
    write_examples(split, read_examples(split)[:60])  # without the 40 held out, an epoch is 5 steps
    undisturbed = workspace.copy(tmp_path / "undisturbed")
    train(undisturbed)
    for step in (8, 14):
        kill_when(workspace.start("train", *METHOD), reached(workspace, step))
    train(workspace)
    assert_as_undisturbed(workspace, undisturbed)


def test_the_kept_weights_are_those_of_the_best_held_out_reward(trained_workspace: Workspace) -> None:
    scores = {
        int(row["step"]): row["train/held_out_reward"]
        for row in trained_workspace.curve("rlcr_multi")
        if "train/held_out_reward" in row
    }
    best = json.loads((trained_workspace.root / "models" / "rlcr_multi" / "best.json").read_text())
    assert best == {"step": max(scores, key=lambda step: (scores[step], -step)), "score": max(scores.values())}


def test_patience_stops_at_the_checkpoint_that_makes_it_full(workspace: Workspace) -> None:
    workspace.set(train__learning_rate=1e-12, train__patience=3)  # the policy stays as it is: the first score is best
    out = train(workspace)
    assert "rlcr_multi: no better score for 3 checkpoints; stopping early" in out
    assert [row["step"] for row in workspace.curve("rlcr_multi")] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert json.loads((workspace.root / "models" / "rlcr_multi" / "best.json").read_text())["step"] == 2


@pytest.mark.operations
def test_killed_before_a_best_checkpoint_is_sealed_patience_counts_from_the_best_before(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.set(train__patience=2)
    undisturbed = workspace.copy(tmp_path / "undisturbed")
    train(undisturbed)
    steps = [int(row["step"]) for row in undisturbed.curve("rlcr_multi")]
    assert steps[-1] < STEPS

    kill_when(workspace.start("train", *METHOD), (workspace.root / WORKDIR / "checkpoint-6" / "manifest.json").exists)
    assert (workspace.root / WORKDIR / "checkpoint-6" / "kept" / "weights" / "best.json").exists()
    for newer in (workspace.root / WORKDIR).glob("checkpoint-*/manifest.json"):
        if step_of(newer.parent) >= 6:
            newer.unlink()
    assert resumed_from(train(workspace)) == 4
    assert [int(row["step"]) for row in workspace.curve("rlcr_multi")] == steps
    ours, theirs = (weights_digest(each.root / "models" / "rlcr_multi") for each in (workspace, undisturbed))
    assert ours == theirs


@pytest.mark.operations
def test_when_dvc_alone_is_killed_its_training_goes_on_and_the_next_dvc_takes_it_over(
    workspace: Workspace, trained_workspace: Workspace
) -> None:
    assert workspace.command("dvc", "init", "--quiet", "--no-scm", "--force").code == 0
    command = ("dvc", "repro", "--single-item", "train@rlcr_multi")
    environment = {**os.environ, "PYTHONPATH": str(workspace.root), "MLFLOW_TRACKING_URI": ""}
    dvc = subprocess.Popen(command, cwd=workspace.root, env=environment, stdout=subprocess.DEVNULL)
    while not (workspace.root / WORKDIR / "checkpoint-4" / "manifest.json").exists():
        assert dvc.poll() is None
        time.sleep(0.01)
    dvc.kill()
    dvc.wait()
    again = workspace.command(*command, MLFLOW_TRACKING_URI="")
    assert again.code == 0, again
    assert_as_undisturbed(workspace, trained_workspace)


def failure(workspace: Workspace) -> str:
    """The one line that a training that went wrong ends with; its run is marked as failed."""
    before = workspace.outputs()
    ended = workspace.run("train", *METHOD)
    assert ended.code == 1, ended
    line, *more = ended.err.strip().splitlines()
    assert not more, ended.err
    assert [status for _, status in tracked_runs(workspace)] == ["FAILED"]
    assert workspace.outputs() == before
    return line


def test_weights_that_are_no_numbers_fail_the_run(workspace: Workspace) -> None:
    workspace.set(train__learning_rate=1e38, train__warmup_steps=0)
    assert re.match(r"error: rlcr_multi: step \d+: .* lower train.learning_rate \(", failure(workspace))


def test_a_policy_that_says_one_thing_only_fails_the_run_and_keeps_its_checkpoint(workspace: Workspace) -> None:
    workspace.set(train__temperature=1e-4, train__steps=30)
    line = failure(workspace)
    assert "for 20 rows every group had one reward, so nothing is learned; raise train.temperature" in line
    kept = line.rsplit("the last good checkpoint is kept: ", 1)[1].rstrip(")")
    assert (workspace.root / kept / "manifest.json").is_file()
