"""Confidences as tokens that know their order: near numbers begin alike, and a near miss costs less than a far one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from setwise.training.compact_head import Penalty
from setwise.training.tokenizer import CONFIDENCES

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_LENGTH_SCALE = 0.15
"""How far apart two confidences are whose embeddings begin with correlation exp(−½)."""
_FEATURES = 256


def confidence_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int] | None:
    """The token of each of `CONFIDENCES`, in order; None where one of them takes more than one token."""
    rows = tokenizer([f" {text}" for text in CONFIDENCES], add_special_tokens=False)["input_ids"]
    return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else None


def order_confidences(model: PreTrainedModel, tokens: list[int], seed: int) -> None:
    """Draw the embeddings of `tokens`, confidences in order, so that near numbers are near.

    Each coordinate is a smooth random function of the number: random Fourier features of a Gaussian kernel (Rahimi and
    Recht, NeurIPS 2007). Their spread is that of the other fresh embeddings. What is learnt about one number then
    holds for its neighbours: with independent embeddings the clinic's distilled confidences had 1.3 times the error.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    policy: torch.nn.Module = model
    weight = policy.get_input_embeddings().weight  # type: ignore[operator]
    numbers = torch.tensor([float(text) for text in CONFIDENCES])
    frequencies = torch.randn(_FEATURES, generator=generator) / _LENGTH_SCALE
    phases = torch.rand(_FEATURES, generator=generator) * 2 * torch.pi
    features = torch.cos(numbers[:, None] * frequencies + phases) * (2 / _FEATURES) ** 0.5
    directions = torch.randn(_FEATURES, weight.shape[1], generator=generator)
    with torch.no_grad():
        weight[tokens] = weight.std() * features @ directions


def expected_brier(tokens: list[int], weight: float) -> Penalty:
    """`weight` times the expected squared distance of the stated confidence to the one demonstrated.

    At a confidence the penalty is Σ_q π(q) (q − t)², π being the policy's probabilities of the confidences, t the
    label's: the Brier term that the policy would be charged for its draws, computed over all of them. Cross-entropy
    alone is as content with a wide π around t as its own uncertainty about t allows; drawing from it costs that width.
    """
    import torch

    numbers = torch.tensor([float(text) for text in CONFIDENCES])
    places = {token: place for place, token in enumerate(tokens)}

    def penalty(log_p: Tensor, labels: Tensor) -> Tensor:
        at = [i for i, token in enumerate(labels.tolist()) if token in places]
        charged = log_p.new_zeros(len(labels))
        if not at:
            return charged
        stated = log_p[at][:, tokens].softmax(dim=-1)
        targets = numbers[[places[token] for token in labels[at].tolist()]].to(log_p)
        distance = (numbers.to(log_p) - targets.unsqueeze(1)) ** 2
        charged[at] = weight * (stated * distance).sum(dim=-1)
        return charged

    return penalty
