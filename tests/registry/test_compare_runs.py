import shutil
from pathlib import Path

import pytest
from report_workspace import make_workspace

from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.evaluation.compare import compare
from setwise.params import Params
from setwise.registry.compare import compare_runs, table
from setwise.tracking import WEIGHTS_TAG, Run, TrackingError, get_client, start_run

METHODS = ("rlvr_single", "rlcr_multi", "rlvr_multi")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("compared")
    return root, make_workspace(root, n=30, methods=METHODS)


@pytest.fixture
def here(made: tuple[Path, Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made[1]


def stored(method: str, protocol: str = "one") -> Path:
    return Path("reports/evaluation") / method / f"{protocol}.parquet"


def track(params: Params, method: str, weights: str) -> Run:
    """The run of a method as `evaluate` leaves it."""
    run = start_run(params, method, {}, {WEIGHTS_TAG: weights})
    run.log_file(stored(method), "evaluation")
    return run


def test_methods_of_the_workspace_are_compared_question_by_question(here: Params) -> None:
    examples = read_examples(Path("data/clinic/test.parquet"))
    expected = compare(stored("rlvr_multi"), stored("rlcr_multi"), examples, here.evaluate.resamples, here.seed)
    assert compare_runs("rlvr_multi", "rlcr_multi") == expected


def test_a_protocol_may_follow_the_run(here: Params) -> None:
    rows = {row.metric: row for row in compare_runs("rlvr_single/sample-3", "rlvr_multi")}
    assert {"coverage_at_3", "tokens_per_question"} <= set(rows)


def test_a_run_is_found_by_its_name_by_its_id_and_as_the_champion(here: Params) -> None:
    run = track(here, "rlcr_multi", "w" * 64)
    client = get_client()
    client.create_registered_model("setwise-clinic")
    version = client.create_model_version("setwise-clinic", "models/rlcr_multi", run.run_id)
    client.set_registered_model_alias("setwise-clinic", "champion", version.version)
    expected = compare_runs("rlvr_multi", "rlcr_multi")
    for name in ("rlcr_multi-k3-seed0", run.run_id, "champion"):
        assert compare_runs("rlvr_multi", name) == expected, name


def test_the_generations_of_the_run_are_used_and_not_those_that_lie_in_the_workspace(here: Params) -> None:
    track(here, "rlcr_multi", "of an earlier training")
    expected = compare_runs("rlvr_multi", "rlcr_multi")
    shutil.copyfile(stored("rlcr_multi", "warmstart"), stored("rlcr_multi"))
    assert compare_runs("rlvr_multi", "rlcr_multi-k3-seed0") == expected
    assert compare_runs("rlvr_multi", "rlcr_multi") != expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "nobody: no such run in experiment setwise/clinic; runs: rlcr_multi-k3-seed0"),
        ("f" * 32, "no run with this id"),
        ("champion", "promote one first"),
        ("rlcr_multi/nothing", "run `dvc repro judge@rlcr_multi`, or name another of base, curve, one, warmstart"),
        ("rlcr_multi-k3-seed0/curve", "keeps no generations of protocol curve"),
    ],
)
def test_a_run_that_cannot_be_compared_is_named_with_the_remedy(here: Params, name: str, words: str) -> None:
    track(here, "rlcr_multi", "of an earlier training")
    with pytest.raises(InputError) as error:
        compare_runs("rlvr_multi", name)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["champion", "f" * 32, "rlcr_multi-k3-seed0"])
@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "foo://x"])
def test_a_tracking_store_that_is_away_is_not_taken_for_a_run_that_is_unknown(
    here: Params, name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=rf"tracking at {address}: .*start the server"):
        compare_runs("rlvr_multi", name)


def test_runs_on_other_questions_are_refused(here: Params, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    make_workspace(tmp_path / "other", n=20, methods=("rlvr_multi",))
    shutil.copyfile(tmp_path / "other" / stored("rlvr_multi"), stored("rlvr_multi"))
    with pytest.raises(InputError, match="evaluated on other questions"):
        compare_runs("rlcr_multi", "rlvr_multi")


def test_the_table_names_each_metric_with_its_difference_and_verdict(here: Params) -> None:
    lines = table(compare_runs("rlvr_multi", "rlcr_multi"), "rlvr_multi", "rlcr_multi")
    assert lines[0] == ("metric", "rlvr_multi", "rlcr_multi", "rlcr_multi − rlvr_multi", "verdict")
    assert [line[0] for line in lines[1:4]] == ["valid completions", "undecided completions", "coverage@1"]
    tokens = {line[0]: line for line in lines}["tokens per question"]
    assert tokens[-1] == "worse" and tokens[3].startswith("+")
