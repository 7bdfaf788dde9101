"""The stream of random numbers that each completion samples from: no two (prompt, sample) of an evaluation share one.

vLLM gives child j of a request the seed `seed + j`, and torch's generator on the CPU reads the low 32 bits of a seed
alone. So the completions of one call are numbered without a gap from a start that a hash gives: a prompt's n samples
have the n seeds from its first one on, and they stay apart in 32 bits. Calls differ in their start, by their seed.
"""

from __future__ import annotations

import hashlib


def mix_seed(*parts: object) -> int:
    """A seed of 62 bits from whatever it is to depend on: adding the number of a completion stays within int64."""
    return int.from_bytes(hashlib.sha256(":".join(map(str, parts)).encode()).digest()[:8]) >> 2


def first_seed(seed: int, prompt: int, n: int) -> int:
    """The seed of the first of the `n` completions of prompt number `prompt` in a call; its j-th has this plus j."""
    return mix_seed(seed) + prompt * n
