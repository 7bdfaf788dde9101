"""An order names a stage and a commit, and nothing that leads out of the clone that carries it out."""

import pytest
from pydantic import ValidationError

from tasks.orders import Order


def order(stage: str, revision: str = "0" * 40) -> Order:
    return Order(stage=stage, upstream=("warmstart",), revision=revision, files={})


def test_checkpoints_lie_under_the_name_of_the_method() -> None:
    assert str(order("train@rlcr_multi").checkpoints) == "checkpoints/rlcr_multi"


@pytest.mark.parametrize("stage", ["train@../../other", "train@/etc", "train@..", "train", "train@", "-f@x y"])
def test_a_stage_that_is_none_is_refused(stage: str) -> None:
    with pytest.raises(ValidationError, match="stage"):
        order(stage)


@pytest.mark.parametrize("revision", ["main", "--upload-pack=x", "", "0" * 39])
def test_a_revision_that_is_no_commit_is_refused(revision: str) -> None:
    with pytest.raises(ValidationError, match="revision"):
        order("train@rlcr_multi", revision)
