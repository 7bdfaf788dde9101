"""A tokenizer made from the domain's own text: every frequent word, tag and stated confidence is one token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from setwise.answers import Layout
from setwise.prompts import plain_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MOST_ANSWERS = 20
"""Largest K whose tags are single tokens."""
CONFIDENCES = tuple(f"{i / 100:.2f}" for i in range(101))
"""The confidences our demonstrations state."""
_PIECES = r"\n| ?[0-9]+(?:\.[0-9]+)?|[,;:]? ?\p{L}+(?: \p{L}+){0,2}| ?[^\s\p{L}0-9]+|\s+"


def layout_tags(most_answers: int = MOST_ANSWERS) -> list[str]:
    """All tags a completion can hold, opening and closing."""
    numbers = ["", *(str(i) for i in range(1, most_answers + 1))]
    names = ["think", "analysis", *(f"{kind}{n}" for n in numbers for kind in ("answer", "confidence"))]
    return [tag for name in names for tag in (f"<{name}>", f"</{name}>")]


def build_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on `texts` (questions and answers of the training split).

    Tags are added tokens but not special ones: TRL decodes completions without special tokens. They take the
    whitespace before them, so `<answer1> a </answer1>` costs three tokens.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|pad|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_with_layout_words(texts), trainer)
    tokenizer.add_tokens([AddedToken(tag, lstrip=True, normalized=False, special=False) for tag in layout_tags()])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>")
    fast.padding_side = "left"
    return fast


def _with_layout_words(texts: Iterable[str]) -> Iterable[str]:
    """The texts, plus the words of prompts and confidences often enough that each becomes one token."""
    for text in texts:
        yield text
        yield f" {text}"
    for layout in (Layout(k=k, confidences=c) for k in range(1, MOST_ANSWERS + 1) for c in (False, True)):
        yield from [plain_prompt("", layout)] * 50
    for confidence in CONFIDENCES:
        yield from [f" {confidence}"] * 50
