"""Set-level rewards that follow TRL's reward function protocol.

`trl grpo --reward_funcs setwise.rewards.rlcr_multi` works as it is; `make_reward` makes one with other settings.
"""

from setwise.rewards.formula import Breakdown, Weights
from setwise.rewards.set_reward import SetReward, make_reward

rlvr_single = make_reward("rlvr_single")
rlcr_single = make_reward("rlcr_single")
rlvr_multi = make_reward("rlvr_multi", k=3)
rlcr_multi = make_reward("rlcr_multi", k=3)

__all__ = [
    "Breakdown",
    "SetReward",
    "Weights",
    "make_reward",
    "rlcr_multi",
    "rlcr_single",
    "rlvr_multi",
    "rlvr_single",
]
