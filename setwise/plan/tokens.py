"""The fewest tokens a valid completion can have, by which a limit that no completion fits under is found early."""

from __future__ import annotations

from collections.abc import Sequence

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.methods import get_method
from setwise.params import Params

_TAG, _NUMBER = 4, 4
"""Tokens of a tag such as `<answer1>` and of a number such as `0.35` with a general tokenizer (Qwen's)."""


def least_tokens(layout: Layout, own_tokenizer: bool) -> int:
    """Tokens of the shortest valid completion: no reasoning, answers of one token, the end token.

    Args:
        layout: how many answers, with or without confidences.
        own_tokenizer: whether tags and confidences are single tokens, as in the tokenizer made from a domain.
    """
    tag, number = (1, 1) if own_tokenizer else (_TAG, _NUMBER)
    answer = 2 * tag + 1 + (2 * tag + number if layout.confidences else 0)
    return 2 * tag + layout.k * answer + 1


def check_limit(section: str, limit: int, params: Params, methods: Sequence[str]) -> None:
    """`InputError` where `limit`, that of `section`, is too few tokens for K answers of one of `methods`."""
    for name in methods:
        layout = get_method(name).layout(params.k)
        least = least_tokens(layout, own_tokenizer=params.model.path is None)
        if limit < least:
            raise InputError(
                f"{section}.max_completion_tokens: {limit} is too few for {name}: {layout.k} answers take at least "
                f"{least} tokens; raise it, or lower k"
            )
