"""Training that went wrong is stopped, with what was seen and what to do; a healthy one is let alone."""

import pytest

from setwise.training.alarms import COLLAPSE_LOGS, CONSTANT_LOGS, EXPLODED_NORM, Alarms, TrainingFailure

HEALTHY = {"train/loss": 0.1, "train/grad_norm": 1.0, "train/reward": 0.5, "train/valid": 0.9}


def check_all(*rows: dict[str, float], questions: int = 64) -> None:
    alarms = Alarms(questions)
    for step, row in enumerate(rows, start=1):
        alarms.check(step, HEALTHY | row)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["train/loss", "train/grad_norm", "train/reward"])
def test_what_is_no_number_rings_at_once(key: str, value: float) -> None:
    with pytest.raises(TrainingFailure, match=rf"step 2: {key} is .*; lower train.learning_rate"):
        check_all({}, {key: value})


def test_an_exploding_gradient_rings() -> None:
    with pytest.raises(TrainingFailure, match=r"step 1: the gradient norm is 2e\+04"):
        check_all({"train/grad_norm": 2 * EXPLODED_NORM})


def test_a_dead_reward_rings_after_so_many_rows() -> None:
    dead = {"train/largest_advantage": 0.0}
    check_all(*[dead] * (CONSTANT_LOGS - 1))
    with pytest.raises(TrainingFailure, match=f"step {CONSTANT_LOGS}: for {CONSTANT_LOGS} rows every group had one"):
        check_all(*[dead] * CONSTANT_LOGS)


def test_a_dead_reward_of_completions_that_are_cut_short_names_the_limit() -> None:
    dead = {"train/largest_advantage": 0.0, "train/completions/clipped_ratio": 0.97, "train/valid": 0.0}
    with pytest.raises(
        TrainingFailure, match=r"97% of the completions are cut short; raise train\.max_completion_tokens"
    ):
        check_all(*[dead] * CONSTANT_LOGS)
    with pytest.raises(TrainingFailure, match=r"raise train\.temperature"):
        check_all(*[dead | {"train/valid": 1.0}] * CONSTANT_LOGS)


def test_one_live_row_starts_the_count_again() -> None:
    dead, live = {"train/largest_advantage": 0.0}, {"train/largest_advantage": 1.5}
    check_all(*[dead] * (CONSTANT_LOGS - 1), live, *[dead] * (CONSTANT_LOGS - 1))


def test_validity_that_falls_below_half_of_its_best_rings_after_so_many_rows() -> None:
    fallen = {"train/valid": 0.4}
    check_all({}, *[fallen] * (COLLAPSE_LOGS - 1))
    with pytest.raises(TrainingFailure, match=r"validity fell to 0\.400 from 0\.900"):
        check_all({}, *[fallen] * COLLAPSE_LOGS)


def test_validity_that_is_low_from_the_start_is_no_collapse() -> None:
    check_all(*[{"train/valid": 0.05}] * 50)


def test_a_short_dip_of_validity_is_no_collapse() -> None:
    check_all(*([{}] + [{"train/valid": 0.0}] * (COLLAPSE_LOGS - 1)) * 5)


@pytest.mark.parametrize(("questions", "before", "after"), [(8, 0.45, 0.15), (4, 0.03, 0.0), (64, 0.15, 0.0)])
def test_a_fall_that_chance_explains_is_no_collapse(questions: int, before: float, after: float) -> None:
    check_all({"train/valid": before}, *[{"train/valid": after}] * 50, questions=questions)


def test_with_few_questions_a_row_a_great_fall_rings() -> None:
    with pytest.raises(TrainingFailure, match=r"validity fell to 0\.100 from 0\.900"):
        check_all({}, *[{"train/valid": 0.1}] * COLLAPSE_LOGS, questions=8)
