"""Completions → rows of a store: judged when they are made, and again when two models are held against each other.

What is kept for good is the text; answers, keys, hits, confidences and the reason are what today's code says of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from setwise.answers import Layout
from setwise.domains import Example
from setwise.engines import Completion
from setwise.errors import InputError
from setwise.evaluation.store import SCHEMA, Store, StoreKey, write_rows
from setwise.matching import Gold, Judgement, judge_batch


def judged_rows(
    examples: Sequence[Example], drawn: Sequence[Sequence[Completion]], key: StoreKey
) -> Iterator[dict[str, Any]]:
    """The rows of some questions' completions, judged together so that slow checks run side by side.

    Args:
        examples: the questions.
        drawn: `key.sampling.n` completions of each.
        key: what the completions were made from.
    """
    n = key.sampling.n
    asked = [example for example in examples for _ in range(n)]
    flat = [completion for of_one in drawn for completion in of_one]
    texts = [completion.text for completion in flat]
    judgements = judge_batch(texts, [example.to_gold() for example in asked], key.protocol.layout)
    posteriors = _probabilities(texts, judgements, asked, key.protocol.layout)
    rows = zip(asked, flat, judgements, posteriors, strict=True)
    for row, (example, completion, judgement, posterior) in enumerate(rows):
        yield {
            "question_id": example.id,
            "generation_index": row % n,
            "text": completion.text,
            "answers": judgement.answers,
            "keys": judgement.keys,
            "hits": judgement.hits,
            "confidences": judgement.confidences,
            "posterior": posterior,
            "n_tokens": completion.n_tokens,
            "finished": completion.finished,
            "reason": None if judgement.reason is None else str(judgement.reason),
            "faults": judgement.faults,
        }


def judge_again(path: Path, examples: Sequence[Example], judged: Path) -> Path:
    """Judge the stored completions of `path` by the code of today, and write them to `judged`.

    Nothing that was judged before is read: only texts, their tokens, and whether they ended.

    Raises:
        InputError: the file is missing or damaged, is not of exactly these examples, whose gold it is judged by, or
            lacks the text of a completion.
    """
    store = Store(path)
    store.check_examples(examples)
    write_rows(judged, store.key, _tables(store, examples))
    return judged


def _tables(store: Store, examples: Sequence[Example]) -> Iterator[pa.Table]:
    n, start = store.key.sampling.n, 0
    for index in range(store.n_groups):
        rows = store.read_group(index, ["text", "n_tokens", "finished"]).to_pylist()
        if (lost := next((i for i, row in enumerate(rows) if row["text"] is None), None)) is not None:
            raise InputError(
                f"{store.path}: row {start * n + lost} keeps no text, so it can't be judged again; "
                "delete it (in reports/evaluation/, or in gate/ of the model's tracking run) and let it answer again"
            )
        flat = [Completion(**row) for row in rows]
        questions = examples[start : start + len(flat) // n]
        drawn = [flat[i : i + n] for i in range(0, len(flat), n)]
        yield pa.Table.from_pylist(list(judged_rows(questions, drawn, store.key)), schema=SCHEMA)
        start += len(questions)


def _probabilities(
    texts: Sequence[str], judgements: Sequence[Judgement], examples: Sequence[Example], layout: Layout
) -> list[list[float] | None]:
    """The true probability of each answer, found by the same matchers with the answers of the posterior as gold."""
    found: list[list[float] | None] = [[] if example.posterior else None for example in examples]
    rows = [i for i, judgement in enumerate(judgements) if judgement.valid and examples[i].posterior]
    golds = [
        Gold(tuple((answer,) for answer, _ in examples[i].posterior), examples[i].match, examples[i].exclusive)
        for i in rows
    ]
    for i, matched in zip(rows, judge_batch([texts[i] for i in rows], golds, layout), strict=True):
        truth = {f"gold:{j}": probability for j, (_, probability) in enumerate(examples[i].posterior)}
        found[i] = [truth.get(key, 0.0) for key in matched.keys]
    return found
