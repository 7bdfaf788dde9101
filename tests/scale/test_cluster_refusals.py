"""What a training on a cluster needs and lacks is named before anything is started, with what to do."""

import os
import sys

import pytest
from smoke_workspace import Workspace

from setwise.errors import InputError
from setwise.params import validate_params
from setwise.training.processes import launch_variables
from setwise.training.run_storage import RunStorage, StorageError

TRAIN = ("train", "--method", "rlcr_multi")
ON = {"address": "127.0.0.1:1", "workers": 1, "gpus_per_worker": 0}


def test_a_storage_that_is_away_is_named_and_nothing_is_sent(workspace: Workspace, tmp_path):
    (tmp_path / "storage").write_text("no folder")
    workspace.set(scale__cluster={**ON, "storage": str(tmp_path / "storage")})
    error = workspace.run(*TRAIN).error
    assert f"scale.cluster.storage: {tmp_path}/storage: " in error
    assert "make it reachable and writable" in error


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_storage_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        RunStorage(str(tmp_path), "run").write("inputs/whole.json", {})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"address": "somewhere"}, "scale.cluster.address"),
        ({"storage": "folder/here"}, "scale.cluster.storage"),
        ({"workers": 0}, "scale.cluster.workers"),
        ({"max_failures": -2}, "scale.cluster.max_failures"),
    ],
)
def test_settings_that_lead_nowhere_are_refused_by_name(workspace: Workspace, changes, said):
    content = workspace.params
    content["scale"]["cluster"] = {**ON, "storage": "/mnt/all", **changes}
    with pytest.raises(InputError, match=said):
        validate_params(content, "params.yaml")


def test_workers_are_told_what_accelerate_tells_the_processes_it_launches(workspace: Workspace, monkeypatch):
    monkeypatch.chdir(workspace.root)
    workspace.set(scale__accelerate="fsdp", scale__mixed_precision="bf16")
    told = launch_variables(validate_params(workspace.params, "params.yaml"))
    assert (told["ACCELERATE_USE_FSDP"], told["FSDP_VERSION"], told["ACCELERATE_MIXED_PRECISION"]) == (
        "true",
        "2",
        "bf16",
    )
    workspace.set(scale__accelerate="two_nodes_zero3")
    told = launch_variables(validate_params(workspace.params, "params.yaml"))
    assert (told["ACCELERATE_USE_DEEPSPEED"], told["ACCELERATE_DEEPSPEED_ZERO_STAGE"]) == ("true", "3")
    assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} & told.keys()
