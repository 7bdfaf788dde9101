import subprocess
import sys

import pytest

from flows.sweep import combinations, sweep
from setwise.errors import InputError

pytestmark = pytest.mark.operations

# The report stage logs its rate to MLflow, as evaluation logs its metrics.
LOGGING = """
if name == "report":
    import mlflow
    with mlflow.start_run(run_name="toy"):
        mlflow.log_metric("eval/coverage", -abs(int(pathlib.Path("params.yaml").read_text().split()[-1]) - 2))
"""


@pytest.fixture
def logging_project(project):
    with (project.root / "step.py").open("a") as step:
        step.write(LOGGING)
    for command in ("add --all", "-c user.name=n -c user.email=e commit --quiet --message=x"):
        subprocess.run(["git", *command.split()], cwd=project.root, check=True)
    return project


def test_every_combination_is_tried_and_the_best_comes_first(logging_project, prefect_server):
    state = sweep(
        {"rate": [1, 2, 4]}, "eval/coverage", workspace=str(logging_project.root), max_parallel=2, return_state=True
    )
    standings = state.result()
    assert [(standing.variant, standing.value) for standing in standings] == [
        ('{"rate": 2}', 0.0),
        ('{"rate": 1}', -1.0),
        ('{"rate": 4}', -2.0),
    ]


def test_a_combination_that_was_made_before_has_a_run_of_its_own_all_the_same(logging_project, prefect_server):
    root = logging_project.root
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet"], cwd=root, check=True)
    for command in ("add --all", "-c user.name=n -c user.email=e commit --quiet --message=made"):
        subprocess.run(["git", *command.split()], cwd=root, check=True)
    state = sweep({"rate": [1]}, "eval/coverage", workspace=str(root), return_state=True)
    assert [(standing.variant, standing.value) for standing in state.result()] == [('{"rate": 1}', -1.0)]


def test_combinations_side_by_side_are_experiments_of_the_workspace_by_their_names(logging_project, prefect_server):
    root = logging_project.root
    state = sweep({"rate": [1, 2]}, "eval/coverage", workspace=str(root), max_parallel=2, return_state=True)
    assert [len(standing.run_ids) for standing in state.result()] == [1, 1]
    command = [sys.executable, "-m", "dvc", "exp", "list", "--name-only"]
    shown = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(name.rpartition("-")[2] for name in shown) == ["0", "1"]
    assert {name[:6] for name in shown} == {"sweep-"}


def test_what_is_not_committed_is_named_and_not_run(logging_project, prefect_server, caplog):
    logging_project.set_rate(7)
    sweep({"rate": [1]}, "eval/coverage", workspace=str(logging_project.root))
    assert "not in the sweep, since not committed: params.yaml" in caplog.text


def test_the_workspace_is_left_as_it_was(logging_project, prefect_server):
    before = (logging_project.root / "params.yaml").read_text()
    sweep({"rate": [3]}, "eval/coverage", workspace=str(logging_project.root))
    assert (logging_project.root / "params.yaml").read_text() == before
    assert logging_project.outputs() == {}


def test_a_combination_that_fails_is_counted_and_the_others_are_ranked(logging_project, prefect_server):
    state = sweep({"rate": [1, "x"]}, "eval/coverage", workspace=str(logging_project.root), return_state=True)
    assert state.is_failed()
    assert "1 of 2 combinations failed" in state.message
    assert len(state.result(raise_on_failure=False)) == 1


@pytest.mark.parametrize(
    "grid",
    [{}, {"rate": []}, {"a": list(range(20)), "b": list(range(20))}, {"../x.yaml:rate": [1]}, {"--rev": [1]}],
)
def test_a_grid_that_is_empty_or_endless_or_names_no_param_is_refused(grid):
    with pytest.raises(InputError, match="grid"):
        combinations(grid)
