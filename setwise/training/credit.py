"""Credit per answer: each token's advantage is that of the part of the reward its own block decides.

A set reward is a sum over blocks: an answer decides its own credit, a confidence its own Brier term, and every token
takes part in the format. Credit per set gives each token the advantage of the whole sum instead, in which the few
tokens that decided one part are paid for all the others. Either way the baseline is the mean over the prompt's group
(per block here), and no group is divided by its own deviation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from setwise.rewards import Breakdown

if TYPE_CHECKING:
    from torch import Tensor

_SMALL = 1e-4
"""TRL's, against division by a deviation of 0."""


def block_rewards(part: Breakdown) -> list[float]:
    """What each block of a completion decides, shape (1 + K + confidences + 1,), in the layout's order.

    First the reasoning, which decides everything; then each answer with its confidence, the format part added; last
    what stands behind the last block, which decides the format alone.
    """
    if part.brier:
        own = [value for pair in zip(part.correctness, part.brier, strict=True) for value in pair]
    else:
        own = list(part.correctness)
    return [part.total, *(part.format + value for value in own), part.format]


def token_blocks(part: Breakdown, ends: Sequence[int]) -> list[int]:
    """Which entry of `block_rewards` each token belongs to: the first block that ends at or after it.

    Args:
        part: the judged completion.
        ends: for each block of `part.blocks`, the number of leading tokens that hold it whole (see `block_ends`).
    """
    blocks: list[int] = []
    for block in sorted(range(len(ends)), key=lambda i: part.blocks[i]):
        blocks += [block] * (ends[block] - len(blocks))
    return blocks


def block_ends(
    ids: Sequence[int], text: str, part: Breakdown, decode: Callable[[Sequence[int]], str], widths: dict[int, int]
) -> list[int]:
    """The number of leading tokens of `ids` that hold each block of `part` whole.

    Args:
        ids: the completion's token ids.
        text: what they decode to.
        decode: token ids → text.
        widths: the characters of each token id seen so far; filled as needed.
    """
    characters = [0]
    for token in ids:
        if token not in widths:
            widths[token] = len(decode([token]))
        characters.append(characters[-1] + widths[token])
    if characters[-1] == len(text):
        return [bisect_left(characters, end) for _, end in part.blocks]
    # A tokenizer whose tokens read differently beside each other: decode growing prefixes instead.
    return [bisect_left(range(len(ids)), end, key=lambda n: len(decode(ids[:n]))) for _, end in part.blocks]


def centre(rewards: Tensor, group: int) -> Tensor:
    """`rewards` (B, S) less the mean over each group of `group` rows, column by column; NaN rows are in no mean."""
    grouped = rewards.view(-1, group, rewards.shape[1])
    centred: Tensor = (grouped - grouped.nanmean(dim=1, keepdim=True)).view_as(rewards)
    return centred


def scaled_advantages(rewards: Tensor, group: int, scale: str) -> Tensor:
    """The advantages (B, S) of blocks, scaled as TRL scales those of completions.

    A completion without a verdict has no advantage in any block, and takes no part in those of others.

    Args:
        rewards: (B, S) what each block decides, the whole reward first; NaN in every block where there is no verdict.
        group: completions of one prompt, which stand in a row.
        scale: `batch`, `group` or `none`: what the centred rewards are divided by the deviation of.
    """
    advantages = centre(rewards, group)
    if scale == "batch":
        advantages = advantages / (_deviation(rewards[:, 0]) + _SMALL)
    elif scale == "group":
        deviations = [_deviation(totals) for totals in rewards[:, 0].view(-1, group)]
        advantages = advantages / (rewards.new_tensor(deviations).repeat_interleave(group)[:, None] + _SMALL)
    return advantages.nan_to_num(nan=0.0)


def _deviation(totals: Tensor) -> Tensor:
    """The standard deviation of what is known; 0 where that is one value or none."""
    known = totals[~totals.isnan()]
    return known.std() if len(known) > 1 else totals.new_zeros(())
