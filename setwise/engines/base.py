"""The contract of an engine: prompts and sampling settings in, completions in the prompts' order out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """How to sample. `temperature` 0 is greedy decoding; `n` completions are drawn for each prompt."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 256
    n: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Completion:
    """One generated text, without special tokens, and the number of tokens it took (the end token included)."""

    text: str
    n_tokens: int
    finished: bool
    """False where the token limit cut it off."""


class Engine(Protocol):
    """Generates completions for prompts."""

    name: str
    device: str

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        """Yield, for each prompt in order, its `sampling.n` completions, as soon as they are there."""
        ...
