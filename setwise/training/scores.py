"""How probable a policy finds each answer of a closed list: exact, where sampling would only estimate it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from setwise.answers import AnswerSet, Layout, render
from setwise.engines.transformers import prefill

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_AT_ONCE = 4096
"""Sequences, prompts times answers, that are read at once."""


def score_answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    answers: Sequence[str],
    layout: Layout,
) -> Iterator[list[float]]:
    """Yield, for each prompt, the probability of each of `answers` (C,) as the single answer, given that it is one.

    The probability of an answer is that of the tokens in which completions without reasoning differ; tags that all of
    them share are taken as given, but for the one that tells an answer from a longer one that begins with it.

    Args:
        layout: a single-answer layout without confidences.
    """
    import torch

    texts = [render(AnswerSet((answer,)), layout) for answer in answers]
    before, tails = _split_off_shared(tokenizer(texts, add_special_tokens=False)["input_ids"])
    ids = [row + before for row in tokenizer(list(prompts), add_special_tokens=False)["input_ids"]]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    rows = max(1, _AT_ONCE // len(answers))
    found: dict[int, list[float]] = {}
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            padded = tokenizer.pad({"input_ids": [ids[i] for i in chosen]}, padding_side="left", return_tensors="pt")
            scores = _log_probabilities(model, dict(padded.to(model.device)), tails)
            found.update(zip(chosen, scores.softmax(dim=-1).tolist(), strict=True))
    yield from (found[i] for i in range(len(ids)))


def _split_off_shared(rows: list[list[int]]) -> tuple[list[int], list[list[int]]]:
    """The tokens that all rows begin with, and what each has after them, less the tokens that all end with.

    Of these as many are kept as it takes that no answer begins another: "flu" has then the probability of "flu" and
    its end, not that of everything that begins so.
    """
    shortest = min(map(len, rows))
    first = next((i for i in range(shortest) if len({row[i] for row in rows}) > 1), shortest - 1)
    most = shortest - first - 1
    last = next((i for i in range(most) if len({row[-1 - i] for row in rows}) > 1), most)
    while last and _one_begins_another([row[first : len(row) - last] for row in rows]):
        last -= 1
    return rows[0][:first], [row[first : len(row) - last] for row in rows]


def _one_begins_another(rows: list[list[int]]) -> bool:
    """Whether a row is the beginning of another one."""
    ordered = sorted(rows)  # one that begins others stands right before one of them
    return any(after[: len(row)] == row for row, after in itertools.pairwise(ordered))


def _log_probabilities(model: Any, inputs: dict[str, Tensor], tails: list[list[int]]) -> Tensor:
    """Log-probability (N, C) of each of the C tails after each of the N prompts."""
    import torch

    first = torch.tensor([tail[0] for tail in tails], device=model.device)
    width = max(map(len, tails)) - 1
    if width == 0:
        logits = model(**inputs, logits_to_keep=1).logits[:, -1]
        return logits.float().log_softmax(dim=-1)[:, first]
    # the prompt is read once; each tail then follows it on its own copy of the keys and values
    count = len(tails)
    cache = prefill(model, inputs, count)
    padded = torch.tensor([tail + [tail[-1]] * (width + 1 - len(tail)) for tail in tails], device=model.device)
    lengths = torch.tensor([len(tail) for tail in tails], device=model.device)
    prompts = len(inputs["input_ids"])
    last = inputs["input_ids"][:, -1:].repeat_interleave(count, dim=0)
    fed = torch.cat([last, padded[:, :-1].repeat(prompts, 1)], dim=1)
    mask = inputs["attention_mask"].repeat_interleave(count, dim=0)
    ends = mask.sum(dim=1, keepdim=True)
    mask = torch.cat([mask, mask.new_ones(len(mask), width)], dim=1)
    positions = ends - 1 + torch.arange(width + 1, device=model.device)
    logits = model(input_ids=fed, attention_mask=mask, position_ids=positions, past_key_values=cache).logits
    chosen = logits.float().log_softmax(dim=-1).gather(-1, padded.repeat(prompts, 1).unsqueeze(-1)).squeeze(-1)
    is_own = torch.arange(width + 1, device=model.device) < lengths.repeat(prompts).unsqueeze(1)
    scores: Tensor = (chosen * is_own).sum(dim=1).view(prompts, count)
    return scores
