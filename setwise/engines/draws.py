"""Sampling as a logits processor: quick on the CPU, and with random numbers of each completion's own where wanted."""

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


class Sampler:
    """A logits processor that draws each row's next token by inverting its cumulative distribution.

    All tokens but the drawn one get −∞, so that greedy decoding takes it. On the CPU this costs a tenth of
    `torch.multinomial`.

    Args:
        temperature: divides the logits; above 0.
        top_p: the least probability mass that the likeliest tokens kept must have.
        uniforms: shape (rows, length), as of `row_uniforms`; column t draws the t-th new token. None takes torch's
            generator.
    """

    def __init__(self, temperature: float, top_p: float = 1.0, uniforms: np.ndarray | None = None) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self.uniforms = uniforms
        self._drawn = 0

    def __call__(self, _: Any, scores: Tensor) -> Tensor:
        """Scores (rows, V) of the next token → the same shape, the drawn token 0 and all others −∞."""
        import torch

        p = torch.softmax(scores.float() / self.temperature, dim=-1)
        if self.top_p < 1:
            ranked, order = p.sort(dim=-1, descending=True)
            beyond = ranked.cumsum(dim=-1) - ranked >= self.top_p
            p = p.masked_fill(beyond.gather(1, order.argsort(dim=-1)), 0.0)
        cumulative = p.cumsum(dim=-1, dtype=torch.float64)
        point = self._next_uniforms(cumulative) * cumulative[:, -1:]
        token = torch.searchsorted(cumulative, point, right=True).clamp(max=p.shape[1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, token, 0.0)

    def _next_uniforms(self, like: Tensor) -> Tensor:
        """Shape (rows, 1)."""
        import torch

        if self.uniforms is None:
            return torch.rand(len(like), 1, dtype=like.dtype, device=like.device)
        self._drawn += 1
        return torch.from_numpy(self.uniforms[:, self._drawn - 1 : self._drawn]).to(like.device)
