"""`benchmarks/learning.py` measures what the stage `train` hands over: the best weights, not the last ones."""

import importlib.util
from pathlib import Path

from smoke_workspace import REPOSITORY, Workspace

from setwise.domains.parquet import read_examples
from setwise.params import load_params


def test_the_figures_are_those_of_the_best_weights(warm_workspace: Workspace, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("learning", REPOSITORY / "benchmarks" / "learning.py")
    assert spec is not None and spec.loader is not None
    learning = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(learning)
    ruinous = {"steps": 4, "checkpoints": 4, "learning_rate": 2.0, "warmup_steps": 5}
    params = load_params(warm_workspace.root / "params.yaml")
    params = params.model_copy(update={"train": params.train.model_copy(update=ruinous)})
    train, test = (read_examples(warm_workspace.root / "data" / "clinic" / f"{s}.parquet") for s in ("train", "test"))
    found = learning.measure_method("rlvr_single", warm_workspace.root / "models" / "warmstart", train, test, params)
    assert (found["steps"], found["best_step"]) == (4, 1)  # the first step of the warm-up has a rate of 0
    assert found["valid"] == found["before"]["valid"] > 0.5
