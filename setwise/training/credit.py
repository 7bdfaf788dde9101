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
    """`rewards` (B, S) less the mean over each group of `group` rows, column by column."""
    grouped = rewards.view(-1, group, rewards.shape[1])
    centred: Tensor = (grouped - grouped.mean(dim=1, keepdim=True)).view_as(rewards)
    return centred
