"""Places are methods and settings; what differs in the seed alone shares one, with an interval."""

from __future__ import annotations

from pathlib import Path

import pytest
from smoke_workspace import PARAMS

from setwise.leaderboard import Trial, domain_trials, rank
from setwise.params import Params, validate_params
from setwise.tracking import TEST_TAG, get_client, start_run
from setwise.tracking_store import home_of

METRIC = "eval/coverage_at_1"


def test_seeds_share_a_place_and_the_best_mean_comes_first() -> None:
    trials = [Trial("m", {"k": "2", "seed": str(s)}, v, f"a{s}") for s, v in enumerate((0.4, 0.5, 0.6))]
    trials += [Trial("m", {"k": "3", "seed": "0"}, 0.7, "b0")]
    best, other = rank(trials, METRIC)
    assert (best.variant, best.value, best.low, best.run_ids) == ('{"k": "3"}', 0.7, None, ("b0",))
    assert (other.value, other.run_ids) == (pytest.approx(0.5), ("a0", "a1", "a2"))
    # Student's t with 2 degrees of freedom: 4.30 · 0.1 / √3
    assert (other.low, other.high) == (pytest.approx(0.2517, abs=1e-3), pytest.approx(0.7483, abs=1e-3))


@pytest.mark.parametrize(
    ("metric", "said", "best"),
    [
        ("eval/coverage_at_1", None, "2"),
        ("eval/ece_width", None, "3"),
        ("eval_sample-3/set_brier", None, "3"),
        ("train/loss", None, "2"),
        ("train/loss", True, "3"),
        ("eval/ece_width", False, "2"),
    ],
)
def test_the_table_of_metrics_says_which_way_is_better_unless_it_is_said(
    metric: str, said: bool | None, best: str
) -> None:
    trials = [Trial("m", {"k": k}, value, k) for k, value in (("2", 0.3), ("3", 0.1))]
    assert rank(trials, metric, said)[0].run_ids == (best,)


def _evaluated(value: float, **changes: int) -> Params:
    params = validate_params({**PARAMS, **changes}, "params.yaml")
    start_run(params, "rlcr_multi", {}, {}).log_metrics({METRIC: value}, 0)
    return params


@pytest.mark.parametrize("runs_a_page", [1000, 2, 1])
def test_a_domain_is_ranked_by_what_differs_and_the_newest_of_equal_runs_counts(
    runs_a_page: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("setwise.tracking._RUNS_A_PAGE", runs_a_page)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for value, changes in ((0.1, {"k": 2}), (0.5, {"k": 3}), (0.3, {"k": 3, "seed": 77}), (0.2, {"k": 2})):
        _evaluated(value, **changes)
    found = rank(domain_trials(get_client(), "clinic", METRIC), METRIC)
    assert [(one.method, one.variant, one.value, len(one.run_ids)) for one in found] == [
        ("rlcr_multi", '{"k": "3"}', pytest.approx(0.4), 2),
        ("rlcr_multi", '{"k": "2"}', 0.2, 1),
    ]


def test_figures_on_another_test_split_have_a_place_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for seed, value, split in ((0, 0.2, "old"), (1, 0.4, "old"), (0, 0.7, "new")):
        params = validate_params({**PARAMS, "seed": seed}, "params.yaml")
        start_run(params, "rlcr_multi", {}, {TEST_TAG: split}).log_metrics({METRIC: value}, 0)
    found = rank(domain_trials(get_client(), "clinic", METRIC), METRIC)
    assert [(one.variant, one.value, len(one.run_ids)) for one in found] == [
        ('{"test split": "new"}', 0.7, 1),
        ('{"test split": "old"}', pytest.approx(0.3), 2),
    ]


def test_what_a_registered_model_adds_to_its_run_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    _evaluated(0.2)
    _evaluated(0.4, seed=1)
    client = get_client()
    experiment = client.get_experiment_by_name("setwise/clinic")
    first = client.search_runs([experiment.experiment_id])[0]
    client.log_param(first.info.run_id, "asking/k", "3")
    client.create_run(experiment.experiment_id, tags={"setwise.stage": "register", "setwise.method": "rlcr_multi"})
    (found,) = rank(domain_trials(client, "clinic", METRIC), METRIC)
    assert (found.variant, found.value, len(found.run_ids)) == ("{}", pytest.approx(0.3), 2)


def test_a_temporary_copy_of_an_experiment_writes_to_the_workspace_it_is_a_copy_of(tmp_path: Path) -> None:
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmpabc"
    copy.mkdir(parents=True)
    assert home_of(copy) == tmp_path
    assert home_of(tmp_path) == tmp_path
