"""How a question is put to a model: one prompt per (question, layout), the same in training, evaluation and serving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from setwise.answers import Layout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LAYOUT_RULES = """First reason inside <think> </think>. Then give {count}.
Use exactly this layout, and no text outside the tags:
<think> your reasoning </think>
{lines}"""
_OPEN_THINK = re.compile(r"<think>\s*\Z")


def plain_prompt(question: str, layout: Layout) -> str:
    """The prompt of a small model made from config: the question and one short line that names the layout."""
    count = "1 answer" if layout.k == 1 else f"{layout.k} answers"
    return f"{question}\n{count}{' with confidence' if layout.confidences else ''}:"


def layout_instruction(layout: Layout) -> str:
    """The layout in words, for a model that follows instructions."""
    numbers = [""] if layout.k == 1 else [str(i) for i in range(1, layout.k + 1)]
    lines = []
    for number in numbers:
        lines.append(f"<answer{number}> an answer </answer{number}>")
        if layout.confidences:
            lines.append(f"<confidence{number}> probability that it is right, 0 to 1 </confidence{number}>")
    count = "one answer" if layout.k == 1 else f"{layout.k} different answers, the most likely first"
    if layout.confidences:
        count += (
            ", with the probability that it is right"
            if layout.k == 1
            else ", each with the probability that it is right"
        )
    if layout.analysis:
        lines.append("<analysis> what speaks for and against them; this block may be left out </analysis>")
    return _LAYOUT_RULES.format(count=count, lines="\n".join(lines))


def _opening(tokenizer: PreTrainedTokenizerBase) -> str:
    """The token that the tokenizer puts at the beginning of a text (Llama's, Gemma's and Mistral's do), or nothing."""
    first = getattr(tokenizer, "bos_token", None)
    is_added = first is not None and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]
    return str(first) if is_added else ""


def build_prompt(question: str, layout: Layout, tokenizer: PreTrainedTokenizerBase, instruction: str = "") -> str:
    """The text a model is given: through its chat template where it has one, else `plain_prompt`.

    A template that opens the reasoning for the model (its prompt ends in `<think>`) has that taken off: the completion
    must hold the whole layout.

    Args:
        question: the question of an example.
        layout: the layout the completion must have.
        tokenizer: the model's tokenizer.
        instruction: the domain's one-sentence task, told to models with a chat template.

    Returns:
        All of the text, the token that a model's texts begin with included: tokenise it without adding any.
    """
    if not getattr(tokenizer, "chat_template", None):
        return _opening(tokenizer) + plain_prompt(question, layout)
    system = f"{instruction}\n{layout_instruction(layout)}".strip()
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return _OPEN_THINK.sub("", str(text))
