from dataclasses import replace
from pathlib import Path

import pytest

from setwise.params import Params
from setwise.report import Results
from setwise.report.figures import sweep_figures
from setwise.report.sweeps import by_k, collect
from setwise.tracking import get_client, start_run


def evaluated(params: Params, k: int, seed: int, correct: float) -> None:
    run = start_run(params.model_copy(update={"k": k, "seed": seed}), "rlvr_multi", {}, {})
    run.log_metrics({"train/hits": correct / 2}, step=1)
    run.log_metrics({"train/hits": correct}, step=2)
    run.log_metrics({"eval/valid_rate": 1.0, f"eval/correct_at_{k}": correct})


@pytest.fixture
def tracked(workspace: tuple[Path, Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return workspace[1]


def test_the_newest_evaluated_run_of_every_k_and_seed_is_collected(tracked: Params) -> None:
    evaluated(tracked, 2, 0, 0.1)
    for k, seed, correct in ((2, 0, 0.6), (2, 1, 0.7), (3, 0, 0.8)):
        evaluated(tracked, k, seed, correct)
    start_run(tracked.model_copy(update={"k": 4}), "rlvr_multi", {}, {})
    other = tracked.model_copy(update={"train": tracked.train.model_copy(update={"steps": 7})})
    evaluated(other, 5, 0, 0.9)
    runs = collect(get_client(), tracked)
    assert [(run["k"], run["seed"]) for run in runs] == [(2, 0), (2, 1), (3, 0)]
    two, three = by_k([{"runs": runs}], "rlvr_multi")
    assert (two.mean, two.seeds) == (pytest.approx(0.65), 2)
    assert two.lo is not None and two.hi is not None and two.lo < 0.65 < two.hi
    assert (three.mean, three.lo) == (0.8, None)


def test_the_curves_of_a_sweep_are_drawn_by_k(tracked: Params, results: Results) -> None:
    evaluated(tracked, 2, 0, 0.6)
    evaluated(tracked, 3, 0, 0.8)
    swept = replace(results, sweeps=[{"runs": collect(get_client(), tracked)}])
    (figure,) = sweep_figures(swept)
    assert [name for _, name in figure.legend] == ["K = 2", "K = 3"]
    assert figure.chart.count("<path") == 2


def test_without_a_sweep_there_is_no_such_figure(results: Results) -> None:
    assert sweep_figures(results) == []


def test_an_empty_tracking_store_has_nothing_to_collect(tracked: Params) -> None:
    assert collect(get_client(), tracked) == []
