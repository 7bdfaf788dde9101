"""Judge: completions on disk → verdicts on disk, as often as one likes, by the code and the gold of today.

The one way from a text to a verdict, for the stage, the gate, the champion, two runs that are compared, and
`setwise judge`: nothing that was judged by other code is held against what this code judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from setwise.answers import Layout
from setwise.domains import Example
from setwise.errors import InputError
from setwise.evaluation.store import COMPLETIONS, VERDICTS, Store, gold_digest, write_rows
from setwise.matching import Gold, Judgement, judge_batch


def judge(completions: Path, examples: Sequence[Example], verdicts: Path) -> Path:
    """Judge the completions of a file and write them with their verdicts to `verdicts`.

    What an earlier judging left in the file is not read: only texts, their tokens, and whether they ended.

    Raises:
        InputError: the file is missing or damaged, is not of exactly these questions, or lacks a text.
    """
    store = Store(completions)
    store.check_questions([example.question for example in examples])
    write_rows(verdicts, store.key, _judged(store, examples), gold_digest(examples))
    return verdicts


def _judged(store: Store, examples: Sequence[Example]) -> Iterator[pa.Table]:
    """One table a row group: its completions are judged together, so that slow checks run side by side."""
    n, start = store.key.sampling.n, 0
    for index in range(store.n_groups):
        table = store.read_group(index, COMPLETIONS.names)
        texts = table.column("text").to_pylist()
        if None in texts:
            raise InputError(
                f"{store.path}: row {start * n + texts.index(None)} keeps no text, so it can't be judged; "
                "delete the file (of generate@METHOD, or in gate/ of the model's tracking run) and let it answer again"
            )
        asked = [example for example in examples[start : start + len(texts) // n] for _ in range(n)]
        yield _table(table, texts, asked, store.key.protocol.layout)
        start += len(texts) // n


def _table(table: pa.Table, texts: Sequence[str], asked: Sequence[Example], layout: Layout) -> pa.Table:
    judgements = judge_batch(texts, [example.to_gold() for example in asked], layout)
    posteriors = _probabilities(texts, judgements, asked, layout)
    verdicts = [
        {
            "answers": judgement.answers,
            "keys": judgement.keys,
            "hits": judgement.hits,
            "confidences": judgement.confidences,
            "posterior": posterior,
            "reason": None if judgement.reason is None else str(judgement.reason),
            "faults": judgement.faults,
        }
        for judgement, posterior in zip(judgements, posteriors, strict=True)
    ]
    found = pa.Table.from_pylist(verdicts, schema=pa.schema([f for f in VERDICTS if f.name not in COMPLETIONS.names]))
    return pa.Table.from_arrays([*table.columns, *found.columns], schema=VERDICTS)


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
