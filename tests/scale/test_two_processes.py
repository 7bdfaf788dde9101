"""A launch with two CPU processes against one process, through the stage itself."""

from collections import Counter

import pytest
from safetensors.torch import load_file
from scale_world import METHOD, STEPS, copy_workspace, make_params, make_workspace, read_curve, run_stage

UNTOLD = ("step_time", "runtime", "per_second", "num_tokens")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The same training by one process, and by two that accumulate the gradient over half of their share."""
    root = tmp_path_factory.mktemp("scale")
    source = make_workspace(root / "source")
    layouts = {"one": {}, "two": {"accelerate": "two_cpus", "micro_batch": 4}}
    workspaces = {}
    for name, layout in layouts.items():
        params = make_params(scale={"draws": "row", "generation_batch": 4, **layout})
        workspaces[name] = copy_workspace(source, root / name, params)
        run_stage(workspaces[name], "pipelines.train", "--method", METHOD)
    return workspaces


def test_two_processes_log_the_rewards_and_metrics_of_one(trained):
    one, two = (read_curve(trained[name]) for name in ("one", "two"))
    assert [row["step"] for row in one] == [row["step"] for row in two] == list(range(1, STEPS + 1))
    for row, other in zip(one, two, strict=True):
        told = {key for key in row if not any(part in key for part in UNTOLD)}
        assert told == {key for key in other if not any(part in key for part in UNTOLD)}
        told -= {"train/entropy"}
        assert {key: other[key] for key in told} == pytest.approx({key: row[key] for key in told}, rel=1e-4, abs=1e-5)
        assert other["train/entropy"] == pytest.approx(row["train/entropy"], rel=0.02)  # a mean over micro-batches


def test_two_processes_end_with_the_weights_of_one(trained):
    one, two = (load_file(trained[name] / "models" / METHOD / "model.safetensors") for name in ("one", "two"))
    start = load_file(trained["one"] / "models" / "warmstart" / "model.safetensors")
    assert one.keys() == two.keys()
    moved = max(float((one[name] - start[name]).abs().max()) for name in one)
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 1e-4
    assert apart < moved / 20


def test_two_processes_log_each_metric_of_each_step_once(trained):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{trained['two'] / 'mlruns' / 'mlflow.db'}")
    (experiment,) = (e for e in client.search_experiments() if e.name == "setwise/clinic")
    (run,) = client.search_runs([experiment.experiment_id])
    for metric in ("train/reward", "train/valid", "train/brier", "train/held_out_reward"):
        history = client.get_metric_history(run.info.run_id, metric)
        assert history and max(Counter(point.step for point in history).values()) == 1
    assert run.info.status == "FINISHED"
