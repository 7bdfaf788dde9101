"""How a question is put to a model: one prompt per (question, layout), the same in training, evaluation and serving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from setwise.answers import Layout
from setwise.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_Messages = list[dict[str, str]]

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

    The instruction is the system message; where the template refuses that role or leaves it out, it stands in front of
    the question in the user's message. A template that opens the reasoning for the model (its prompt ends in `<think>`)
    has that taken off: the completion must hold the whole layout.

    Args:
        question: the question of an example.
        layout: the layout the completion must have.
        tokenizer: the model's tokenizer.
        instruction: the domain's one-sentence task, told to models with a chat template.

    Returns:
        All of the text, the token that a model's texts begin with included: tokenise it without adding any.

    Raises:
        InputError: in neither way do instruction and question both come out of the chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        return _opening(tokenizer) + plain_prompt(question, layout)
    system = f"{instruction}\n{layout_instruction(layout)}".strip()
    apart = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    together = [{"role": "user", "content": f"{system}\n\n{question}"}]
    reason = ""
    for messages in (apart, together):
        text, reason = _rendered(messages, tokenizer)
        if reason:
            continue
        told = next((told for told in (_OPEN_THINK.sub("", text), text) if _holds(told, system, question)), None)
        if told is not None:
            return told
        reason = "it leaves out or changes the instruction or the question"
    raise InputError(
        f"model {getattr(tokenizer, 'name_or_path', '')}: its chat template can't be used ({reason}); mend it, or "
        "remove it (chat_template.jinja, or `chat_template` in tokenizer_config.json) to ask without one"
    )


def _rendered(messages: _Messages, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """The prompt that the chat template makes of the messages, and why it makes none (empty where it does)."""
    from jinja2 import TemplateError

    # What a template raises itself, and what the expressions in it do; ValueError: none of several is the default one.
    kinds = (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)), ""
    except kinds as error:
        return "", f"{type(error).__name__}: {' '.join(str(error).split()):.160}"


def _holds(prompt: str, system: str, question: str) -> bool:
    """Whether instruction and question both stand in the prompt; templates may strip them and fold white space."""
    if system.strip() in prompt:
        return question.strip() in prompt.replace(system.strip(), "", 1)
    prompt, system, question = (" ".join(text.split()) for text in (prompt, system, question))
    return system in prompt and question in prompt.replace(system, "", 1)
