"""Sampling with random numbers of its own for each completion, whatever is generated beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def row_uniforms(seed: int, step: int, first: int, rows: int, length: int) -> np.ndarray:
    """Numbers in [0, 1) for `rows` completions of up to `length` tokens, shape (rows, length).

    Row i depends on (seed, step, first + i) alone, so that a batch shared out over processes gets the numbers that it
    would get in one.
    """
    return np.stack([np.random.default_rng([seed, step, first + row]).random(length) for row in range(rows)])


class RowSampler:
    """A logits processor that draws each row's next token by inverting its cumulative distribution.

    All tokens but the drawn one get −∞, so that greedy decoding takes it.

    Args:
        uniforms: shape (rows, length), as of `row_uniforms`; column t draws the t-th new token.
        temperature: divides the logits; above 0.
        top_p: the least probability mass that the likeliest tokens kept must have.
    """

    def __init__(self, uniforms: np.ndarray, temperature: float, top_p: float = 1.0) -> None:
        self.uniforms = uniforms
        self.temperature = temperature
        self.top_p = top_p
        self._drawn = 0

    def __call__(self, _: Any, scores: Tensor) -> Tensor:
        """Scores (rows, V) of the next token → the same shape, the drawn token 0 and all others −∞."""
        import torch

        p = torch.softmax(scores.float() / self.temperature, dim=-1)
        if self.top_p < 1:
            ranked, order = p.sort(dim=-1, descending=True)
            beyond = ranked.cumsum(dim=-1) - ranked >= self.top_p
            p = p.masked_fill(beyond.gather(1, order.argsort(dim=-1)), 0.0)
        cumulative = p.double().cumsum(dim=-1)
        uniform = torch.from_numpy(self.uniforms[:, self._drawn : self._drawn + 1]).to(p.device)
        self._drawn += 1
        token = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).clamp(max=p.shape[1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, token, 0.0)
