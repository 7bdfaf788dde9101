"""Generate: an engine's completions for every question into a file, resumable part by part; nothing is judged here."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from setwise.engines.base import Completion, Engine
from setwise.engines.seeds import mix_seed
from setwise.errors import InputError
from setwise.evaluation.store import COMPLETIONS, Store, StoreKey, question_id, text_digest, write_rows

PART_ROWS = 1024
"""Completions in one part, the unit that is lost when a generation is interrupted, and of one row group."""

log = logging.getLogger(__name__)


def generate(
    engine: Engine,
    questions: Sequence[str],
    prompts: Sequence[str],
    key: StoreKey,
    path: Path,
    part_rows: int = PART_ROWS,
) -> Store:
    """Write the completions for `questions` to `path`; what is there already is not generated again.

    A finished file with the same key is returned as it is. An interrupted generation continues after its last whole
    part: parts lie beside `path` under the key's digest until the file is complete. Each part samples with its own
    seed, hashed from the whole key, so that a continued generation equals an uninterrupted one and no two share their
    draws: one generation, the 30 of a curve and the samples of a baseline are independent.

    Args:
        engine: who generates.
        questions: what is asked.
        prompts: one per question, asking for `key.protocol.layout`.
        key: what the file is made from; `key.sampling.n` completions are drawn for each question.
        path: the file to write.
        part_rows: completions in one part.

    Raises:
        InputError: the key is not that of these questions and prompts, or `path` was made from something else.
    """
    _check(key, questions, prompts)
    if path.exists():
        store = Store(path)
        store.check_key(key)
        store.check_questions(questions)
        log.info("%s: complete, nothing to generate", path)
        return store
    parts = path.with_name(f".{path.name}.{key.digest()}.parts")
    per_part = max(1, part_rows // key.sampling.n)
    starts = range(0, len(questions), per_part)
    files = [parts / f"{index:06d}-{per_part}.parquet" for index in range(len(starts))]
    for part, start in zip(files, starts, strict=True):
        if part.exists():
            continue
        batch = slice(start, start + per_part)
        sampling = replace(key.sampling, seed=mix_seed(key.digest(), start))
        drawn = list(engine.generate(prompts[batch], sampling))
        write_rows(part, key, [completion_rows(questions[batch], drawn, key)])
        log.info("%s: %d of %d questions", path, min(start + per_part, len(questions)), len(questions))
    write_rows(path, key, (table for file in files for table in Store(file).groups()))
    shutil.rmtree(parts)
    return Store(path)


def completion_rows(questions: Sequence[str], drawn: Sequence[Sequence[Completion]], key: StoreKey) -> pa.Table:
    """The rows of some questions, `key.sampling.n` completions of each."""
    if [len(of_one) for of_one in drawn] != [key.sampling.n] * len(questions):
        raise RuntimeError(f"{len(questions)} prompts × {key.sampling.n}: the engine gave another number")
    rows = [
        {"question_id": question_id(question), "generation_index": index, **asdict(completion)}
        for question, of_one in zip(questions, drawn, strict=True)
        for index, completion in enumerate(of_one)
    ]
    return pa.Table.from_pylist(rows, schema=COMPLETIONS)


def _check(key: StoreKey, questions: Sequence[str], prompts: Sequence[str]) -> None:
    if not questions:
        raise InputError("evaluation: no questions; prepare a split with at least one")
    if len(prompts) != len(questions):
        raise InputError(f"evaluation: {len(prompts)} prompts for {len(questions)} questions; give one for each")
    if key.questions != text_digest(questions) or key.prompts != text_digest(prompts):
        raise InputError("evaluation: the key is of other questions or prompts; make it from these")
