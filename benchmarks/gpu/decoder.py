"""Sampling with a static cache: the step of one token is captured once as a CUDA graph and replayed.

A small model's eager decoding step costs its hundreds of kernel launches, not its arithmetic. On the CPU the same
steps run without a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import StaticCache

_ASK_EVERY = 8
"""Steps between two looks at whether every row has ended; each look waits for the device."""


class StaticDecoder:
    """Generates for at most `rows` rows at once, prompts of at most `width` tokens, `new_tokens` each.

    Args:
        model: a decoder with full attention (sdpa); its weights are read in place at every call.
        ends: token ids that end a completion.
        pad: the token id that pads.
    """

    def __init__(self, model: Any, rows: int, width: int, new_tokens: int, ends: Sequence[int], pad: int) -> None:
        device = model.device
        self.model, self.rows, self.width, self.new_tokens, self.pad = model, rows, width, new_tokens, pad
        self.cache = StaticCache(config=model.config, max_cache_len=width + new_tokens)
        self.ends = torch.tensor(list(ends), device=device)
        self.places = torch.arange(width + new_tokens, device=device)
        self.token = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.position = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.at = torch.zeros(1, dtype=torch.long, device=device)
        self.prompt_mask = torch.zeros(rows, 1, 1, width + new_tokens, dtype=torch.bool, device=device)
        self.is_done = torch.zeros(rows, dtype=torch.bool, device=device)
        self.drawn = torch.full((rows, new_tokens), pad, dtype=torch.long, device=device)
        self.uniform = torch.zeros(rows, 1, dtype=torch.float64, device=device)
        self.temperature = torch.ones((), device=device)
        self.graph: Any = None

    @torch.no_grad()
    def generate(self, prompts: Sequence[Sequence[int]], copies: int, temperature: float) -> list[list[int]]:
        """`copies` completions of each prompt, prompt by prompt; the end token is kept, what follows it is cut."""
        found: list[list[int]] = []
        at_once = self.rows // copies
        for start in range(0, len(prompts), at_once):
            found += self._batch(prompts[start : start + at_once], copies, temperature)
        return found

    def _batch(self, prompts: Sequence[Sequence[int]], copies: int, temperature: float) -> list[list[int]]:
        if (longest := max(map(len, prompts))) > self.width:
            raise ValueError(f"a prompt of {longest} tokens, and the decoder is {self.width} wide")
        lacking = self.rows // copies - len(prompts)
        filled = [*prompts, *[prompts[0]] * lacking]
        self.temperature.fill_(temperature)
        self._prefill(filled, copies)
        for step in range(1, self.new_tokens):
            if step % _ASK_EVERY == 0 and bool(self.is_done.all()):
                break
            self.uniform.uniform_()
            self._advance()
        rows = self.drawn[: len(prompts) * copies].tolist()
        ends = set(self.ends.tolist())
        return [row[: next((i + 1 for i, t in enumerate(row) if t in ends), self.new_tokens)] for row in rows]

    def _prefill(self, prompts: Sequence[Sequence[int]], copies: int) -> None:
        device = self.token.device
        ids = torch.tensor([[self.pad] * (self.width - len(p)) + list(p) for p in prompts], device=device)
        mask = torch.tensor([[0] * (self.width - len(p)) + [1] * len(p) for p in prompts], device=device)
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
            use_cache=True,
            logits_to_keep=1,
        )
        row_of = torch.arange(len(prompts), device=device).repeat_interleave(copies)
        row_of = torch.cat([row_of, row_of.new_zeros(self.rows - len(row_of))])  # rows left over repeat the first
        for ours, theirs in zip(self.cache.layers, output.past_key_values.layers, strict=True):
            ours.cumulative_length.zero_()
            ours.update(theirs.keys[row_of], theirs.values[row_of])
        self.prompt_mask.zero_()
        self.prompt_mask[:, 0, 0, : self.width] = mask.bool()[row_of]
        self.position[:, 0] = mask.sum(dim=1)[row_of]
        self.drawn.fill_(self.pad)
        self.is_done.zero_()
        self.at.zero_()
        self.uniform.uniform_()
        self._take(output.logits[:, -1][row_of])

    def _advance(self) -> None:
        if self.token.device.type != "cuda":
            self._step()
        elif self.graph is None:
            self._capture()
        else:
            self.graph.replay()

    def _capture(self) -> None:
        """Run one step for real, then record the next one without running it."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self._step()

    def _step(self) -> None:
        """Feed the last token of every row, draw the next one."""
        visible = (self.places >= self.width) & (self.places < self.width + self.at)
        output = self.model(
            input_ids=self.token,
            attention_mask=self.prompt_mask | visible,
            position_ids=self.position,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.position.add_(1)
        self._take(output.logits[:, -1])

    def _take(self, logits: torch.Tensor) -> None:
        """Draw each row's next token by inverting its cumulative distribution; rows that have ended get padding."""
        cumulative = torch.softmax(logits.float() / self.temperature, dim=-1).cumsum(dim=-1, dtype=torch.float64)
        found = torch.searchsorted(cumulative, self.uniform * cumulative[:, -1:], right=True)
        found = found.clamp(max=logits.shape[1] - 1).masked_fill(self.is_done[:, None], self.pad)
        self.token.copy_(found)
        self.drawn.index_copy_(1, self.at, self.token)
        self.is_done |= (self.token == self.ends).any(dim=1)
        self.at.add_(1)
