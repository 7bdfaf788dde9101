"""What sweeps over K left in the tracking store, collected for the report."""

from pathlib import Path

import pytest
from smoke_workspace import PARAMS

from pipelines.sweeps import collect
from setwise.params import Params, validate_params
from setwise.tracking import get_client, start_run


def evaluated(params: Params, k: int, seed: int, correct: float) -> None:
    run = start_run(params.model_copy(update={"k": k, "seed": seed}), "rlvr_multi", {}, {})
    run.log_metrics({"train/hits": correct / 2}, step=1)
    run.log_metrics({"train/hits": correct}, step=2)
    run.log_metrics({"eval/valid_rate": 1.0, f"eval/correct_at_{k}": correct})


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return validate_params(PARAMS, "params.yaml")


def test_the_newest_evaluated_run_of_every_k_and_seed_is_collected(tracked: Params) -> None:
    evaluated(tracked, 2, 0, 0.1)
    for k, seed, correct in ((2, 0, 0.6), (2, 1, 0.7), (3, 0, 0.8)):
        evaluated(tracked, k, seed, correct)
    start_run(tracked.model_copy(update={"k": 4}), "rlvr_multi", {}, {})
    other = tracked.model_copy(update={"train": tracked.train.model_copy(update={"steps": 7})})
    evaluated(other, 5, 0, 0.9)
    runs = collect(get_client(), tracked)
    assert [(run["k"], run["seed"]) for run in runs] == [(2, 0), (2, 1), (3, 0)]
    assert [run["metrics"][f"correct_at_{run['k']}"] for run in runs] == [0.6, 0.7, 0.8]
    assert runs[0]["curve"] == [{"step": 1, "train/hits": 0.3}, {"step": 2, "train/hits": 0.6}]


def test_an_empty_tracking_store_has_nothing_to_collect(tracked: Params) -> None:
    assert collect(get_client(), tracked) == []
