"""Training on a Ray cluster: whatever is lost on the way, what comes back is what training at home makes."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_nodes import Cluster
from smoke_workspace import Started, Workspace
from undisturbed import WORKDIR, assert_as_undisturbed, tracked_runs

from setwise.digests import weights_digest

pytestmark = [pytest.mark.operations, pytest.mark.timeout(1500)]

TRAIN = ("train", "--method", "rlcr_multi")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.stop()


@pytest.fixture
def there(workspace: Workspace, cluster: Cluster) -> Workspace:
    """A workspace that trains on the cluster's second node."""
    workspace.set(scale__cluster=on(cluster))
    workspace.environment |= cluster.environment
    return workspace


def on(cluster: Cluster, **changes: object) -> dict[str, object]:
    storage = str(cluster.storage)
    return {"address": cluster.address, "workers": 1, "gpus_per_worker": 0, "storage": storage} | changes


def wait_for_checkpoints(cluster: Cluster, started: Started, at_least: int = 2) -> None:
    end = time.monotonic() + 900
    while cluster.checkpoints() < at_least:
        assert started.running, started.wait()
        if time.monotonic() >= end:
            started.kill()
            pytest.fail(started.output())
        time.sleep(0.02)


def test_a_stage_trained_there_is_done_here_for_dvc(there: Workspace, cluster: Cluster, trained_workspace: Workspace):
    for words in (("git", "init", "--quiet"), ("dvc", "init", "--quiet")):
        assert there.command(*words).code == 0
    assert there.command("dvc", "commit", "--quiet", "--force", "prepare", "validate", "warmstart").code == 0
    ended = there.command("dvc", "repro", "--single-item", "train@rlcr_multi")
    assert ended.code == 0, ended
    assert "rlcr_multi: step 20 of 20" in ended.out
    assert_as_undisturbed(there, trained_workspace)
    again = there.command("dvc", "repro", "--single-item", "train@rlcr_multi")
    assert (again.code, "Running stage" in again.out) == (0, False), again
    there.set(scale__cluster=None)
    assert "up to date" in there.command("dvc", "status", "train@rlcr_multi").out
    assert list(cluster.storage.iterdir()) == []


def test_a_killed_worker_is_started_again_from_its_last_checkpoint(
    there: Workspace, cluster: Cluster, trained_workspace: Workspace
):
    started = there.start(*TRAIN)
    wait_for_checkpoints(cluster, started)
    (worker,) = cluster.second.training()
    worker.kill()
    ended = started.wait(900)
    assert (ended.code, "rlcr_multi: going on from step" in ended.out) == (0, True), ended
    assert_as_undisturbed(there, trained_workspace)


def test_a_killed_node_costs_what_came_after_the_last_checkpoint(
    there: Workspace, cluster: Cluster, trained_workspace: Workspace
):
    started = there.start(*TRAIN)
    wait_for_checkpoints(cluster, started)
    cluster.second.kill()
    cluster.start_second()
    ended = started.wait(900)
    assert (ended.code, "rlcr_multi: going on from step" in ended.out) == (0, True), ended
    assert_as_undisturbed(there, trained_workspace)


def test_a_killed_driver_goes_on_by_the_same_command(there: Workspace, cluster: Cluster, trained_workspace: Workspace):
    started = there.start(*TRAIN)
    wait_for_checkpoints(cluster, started)
    started.kill()
    ended = there.start(*TRAIN).wait(900)
    assert (ended.code, "rlcr_multi: going on from step" in ended.out) == (0, True), ended
    assert_as_undisturbed(there, trained_workspace)


def test_two_workers_outside_the_cluster_train_what_one_process_does_at_home(
    there: Workspace, cluster: Cluster, tmp_path: Path
):
    there.set(methods=["rlvr_single"], scale__draws="row", scale__accelerate="two_cpus", train__steps=4)
    there.set(train__checkpoints=2, scale__cluster=None)
    home = there.copy(tmp_path / "home")
    home.set(scale__accelerate=None)
    there.set(scale__cluster=on(cluster, address=f"ray://{cluster.client}", workers=2))
    for one in (there, home):
        ended = one.run("train", "--method", "rlvr_single")
        assert ended.code == 0, ended
    ours, theirs = (one.curve("rlvr_single") for one in (there, home))
    assert [row["step"] for row in ours] == [1, 2, 3, 4]
    assert [row["train/reward"] for row in ours] == pytest.approx([row["train/reward"] for row in theirs], abs=1e-5)


def test_what_was_finished_for_a_lost_driver_is_taken_over_without_the_cluster(
    there: Workspace, trained_workspace: Workspace, cluster: Cluster
):
    """The driver was killed after the end of training: what it left is on the storage, and the cluster may be gone."""
    there.set(scale__cluster=on(cluster, address="127.0.0.1:1"))
    refused = there.run(*TRAIN)
    assert "scale.cluster.address: 127.0.0.1:1: " in refused.error
    (offered,) = cluster.storage.iterdir()
    trained = {"best_step": 20, "best_score": 0.5, "steps": 20, "seconds": 1.0, "resumed_from": 0}
    (offered / "finished").mkdir()
    shutil.copytree(trained_workspace.root / "models" / "rlcr_multi", offered / "finished" / "weights")
    shutil.copyfile(trained_workspace.root / "reports/curves/rlcr_multi.jsonl", offered / "finished" / "curve.jsonl")
    content = json.dumps({**trained, "resumed_seconds": 0.0, "weights": "weights"})
    (offered / "finished" / "trained.json").write_text(content)
    assert there.run(*TRAIN).code == 0
    ours, theirs = (weights_digest(one.root / "models" / "rlcr_multi") for one in (there, trained_workspace))
    assert ours == theirs
    assert [status for _, status in tracked_runs(there)] == ["FINISHED"]
    assert (list(cluster.storage.iterdir()), (there.root / WORKDIR).exists()) == ([], False)
