"""Every setting of the reward in the params reaches the reward that a policy is trained by."""

from typing import Any

import pytest
from smoke_workspace import PARAMS

from setwise.methods import METHODS
from setwise.params import validate_params
from setwise.rewards import Weights, make_reward
from setwise.training.rl import training_reward


def reward_of(**settings: Any) -> Any:
    params = validate_params({**PARAMS, "reward": settings}, "params.yaml")
    return training_reward(METHODS["rlcr_multi"], params)


def test_params_that_say_nothing_give_the_reward_of_the_library() -> None:
    assert reward_of() == make_reward("rlcr_multi", k=PARAMS["k"])


@pytest.mark.parametrize(
    "settings", [{"credit": "any"}, {"sum_rule": "format"}, {"sum_rule": "invalid"}, {"tolerance": 0.25}]
)
def test_each_setting_reaches_the_reward(settings: dict[str, Any]) -> None:
    assert reward_of(**settings) == make_reward("rlcr_multi", k=PARAMS["k"], **settings)


def test_each_weight_reaches_the_reward() -> None:
    found = reward_of(format_weight=0.5, correctness_weight=2.0, brier_weight=3.0)
    assert found.weights == Weights(format=0.5, correctness=2.0, brier=3.0)
