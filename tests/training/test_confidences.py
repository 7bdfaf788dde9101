"""Confidence tokens: near numbers begin alike, and the expected Brier penalty charges what drawing would."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.training.confidences import confidence_tokens, expected_brier
from setwise.training.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(["who is it"], 2000)


def test_a_tokenizer_of_ours_has_one_token_for_each_confidence(tokenizer: Any) -> None:
    tokens = confidence_tokens(tokenizer)
    assert tokens is not None
    assert [tokenizer.decode([token]).strip() for token in tokens[:3]] == ["0.00", "0.01", "0.02"]
    assert len(set(tokens)) == 101


def test_a_tokenizer_without_such_tokens_has_none() -> None:
    # too few tokens for the numbers to become one each
    assert confidence_tokens(build_tokenizer(["who is it"], 300)) is None


def test_fresh_embeddings_of_near_confidences_are_near(tokenizer: Any) -> None:
    tokens = confidence_tokens(tokenizer)
    model = build_model(ModelParams(), tokenizer, 0)
    embeddings = model.get_input_embeddings().weight.detach()[tokens]
    apart = (embeddings.unsqueeze(0) - embeddings.unsqueeze(1)).norm(dim=-1)
    steps = [float(apart.diagonal(lag).mean()) for lag in (1, 5, 20)]
    assert steps[0] < steps[1] / 2 < steps[2] / 2


def test_the_penalty_is_the_mean_squared_distance_of_drawn_confidences(tokenizer: Any) -> None:
    tokens = confidence_tokens(tokenizer)
    assert tokens is not None
    logits = torch.randn(2, len(tokenizer), generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([tokens[30], tokenizer.eos_token_id])
    charged = expected_brier(tokens, weight=2.0)(logits.log_softmax(-1), labels)
    draws = torch.multinomial(logits[0, tokens].softmax(-1), 200_000, replacement=True) / 100
    assert float(charged[0]) == pytest.approx(2 * float(((draws - 0.30) ** 2).mean()), rel=0.02)
    assert float(charged[1]) == 0.0
