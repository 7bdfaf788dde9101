"""A model is asked as it was trained to be, or one line says what differs."""

from pathlib import Path
from typing import Any

import pytest
from smoke_workspace import PARAMS, Workspace

from setwise.asked import check_asked, note_asked
from setwise.digests import weights_digest
from setwise.errors import InputError
from setwise.params import Params, validate_params

METHOD = "rlcr_multi"


def make_params(**changes: Any) -> Params:
    return validate_params({**PARAMS, **changes}, "params.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, trained by the smoke params."""
    note_asked(tmp_path, make_params(), METHOD)
    return tmp_path


def test_the_params_it_was_trained_by_may_ask_and_others_that_do_not_matter_here(folder: Path) -> None:
    check_asked(folder, make_params(seed=5), METHOD)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": 3}, "trained with k=2, by the params it is k=3; run `dvc repro train@rlcr_multi`"),
        ({"domain": {"name": "qa", "train": "raw/rows.jsonl"}}, "trained with domain='clinic', "),
    ],
    ids=str,
)
def test_params_that_ask_otherwise_are_refused(changes: dict[str, Any], said: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_asked(folder, make_params(**changes), METHOD)
    assert said in str(caught.value)


def test_k_does_not_matter_to_one_answer(tmp_path: Path) -> None:
    note_asked(tmp_path, make_params(), "rlvr_single")
    check_asked(tmp_path, make_params(k=3), "rlvr_single")


def test_a_model_without_a_note_may_be_asked(tmp_path: Path) -> None:
    check_asked(tmp_path, make_params(k=3), METHOD)


def test_training_leaves_the_note_and_asking_reads_it(trained_workspace: Workspace, tmp_path: Path) -> None:
    workspace = trained_workspace.copy(tmp_path / "workspace")
    folder = workspace.root / "models" / METHOD
    before = weights_digest(folder)
    check_asked(folder, make_params(), METHOD)
    workspace.set(k=3)
    error = workspace.python("-m", "setwise.cli", "ask", "Who?", "--method", METHOD).error
    assert error.startswith(
        "error: models/rlcr_multi: trained with k=2, by the params it is k=3; run `dvc repro train@"
    )
    (folder / "asked.json").unlink()
    assert weights_digest(folder) == before
