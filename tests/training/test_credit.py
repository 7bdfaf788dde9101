"""Credit per answer: what a block decides, and which tokens belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from setwise.matching import Gold
from setwise.rewards import Breakdown, make_reward
from setwise.training.credit import block_ends, block_rewards, centre, token_blocks

_GOLD = Gold((("flu",),), "exact", exclusive=True)
_PIECES = ["<think>", "</think>", "<answer1>", " flu", "</answer1>", "<confidence1>", " 0.50", "</confidence1>"]
_PIECES += ["<answer2>", " cold", "</answer2>", "<confidence2>", " 0.20", "</confidence2>", ""]
_IDS = list(range(len(_PIECES)))


def _decode(ids: Sequence[int]) -> str:
    return "".join(_PIECES[token] for token in ids)


def _part(text: str, method: str = "rlcr_multi") -> Breakdown:
    return make_reward(method, k=2).breakdown([text], [_GOLD])[0]


def test_an_answer_decides_its_hit_and_a_confidence_its_brier_term_beside_the_format() -> None:
    rewards = block_rewards(_part(_decode(_IDS)))
    assert rewards == pytest.approx([2 - 0.125 - 0.02, 2.0, 1 - 0.125, 1.0, 1 - 0.02, 1.0])


def test_without_confidences_there_is_one_block_per_answer() -> None:
    part = _part("<think> </think> <answer1> cold </answer1> <answer2> flu </answer2>", "rlvr_multi")
    assert block_rewards(part) == [2.0, 1.0, 2.0, 1.0]


def test_an_unparsed_completion_has_as_many_blocks_and_earns_the_worst() -> None:
    part = _part("no tags at all")
    assert block_rewards(part) == pytest.approx([-1.0, 0.0, -0.5, 0.0, -0.5, 0.0])


def test_tokens_belong_to_the_block_they_are_written_in() -> None:
    part = _part(_decode(_IDS))
    blocks = token_blocks(part, block_ends(_IDS, _decode(_IDS), part, _decode, {}))
    assert blocks == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_blocks_are_found_by_place_when_all_answers_come_first() -> None:
    order = [0, 1, 2, 3, 4, 8, 9, 10, 5, 6, 7, 11, 12, 13]
    part = _part(_decode(order))
    blocks = token_blocks(part, block_ends(order, _decode(order), part, _decode, {}))
    assert blocks == [0, 0, 1, 1, 1, 3, 3, 3, 2, 2, 2, 4, 4, 4]


def test_block_ends_hold_where_tokens_read_differently_beside_each_other() -> None:
    def decode(ids: Sequence[int]) -> str:
        return _decode(ids) if len(ids) > 1 else _decode(ids).strip()

    text = decode(_IDS)
    part = _part(text)
    assert block_ends(_IDS, text, part, decode, {}) == block_ends(_IDS, text, part, _decode, {})


def test_centred_rewards_sum_to_zero_in_each_group_and_keep_their_scale() -> None:
    rewards = torch.tensor([[0.0, 1.0], [1.0, 3.0], [5.0, 5.0], [5.0, 9.0]])
    assert centre(rewards, 2).tolist() == [[-0.5, -1.0], [0.5, 1.0], [0.0, -2.0], [0.0, 2.0]]
