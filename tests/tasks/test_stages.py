"""Which failures of a stage are tried again."""

import signal

import pytest

from tasks.stages import StageOutcome


@pytest.mark.parametrize(
    ("ended_by", "again"),
    [
        (signal.SIGKILL, True),
        (signal.SIGTERM, True),
        (signal.SIGHUP, True),
        (signal.SIGINT, True),
        (signal.SIGSEGV, False),
        (signal.SIGABRT, False),
    ],
)
def test_a_stage_killed_from_outside_is_tried_again_and_one_that_crashed_is_not(ended_by, again) -> None:
    assert StageOutcome("train@a", "failed", 1.0, "killed", -ended_by).worth_retrying is again


def test_a_stage_that_refuses_its_input_is_not_tried_again() -> None:
    assert not StageOutcome("train@a", "failed", 1.0, "params.yaml: k: too low", 2).worth_retrying
