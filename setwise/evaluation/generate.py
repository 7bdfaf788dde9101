"""Generate and judge: an engine's completions for every question into a `Store`, resumable part by part."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from setwise.domains import Example
from setwise.engines import Completion, Engine
from setwise.engines.seeds import mix_seed
from setwise.errors import InputError
from setwise.evaluation.judging import judged_rows
from setwise.evaluation.store import SCHEMA, Store, StoreKey, dataset_digest, prompt_digest, write_rows

PART_ROWS = 1024
"""Completions in one part, the unit that is lost when an evaluation is interrupted, and of one row group."""

log = logging.getLogger(__name__)


def generate(
    engine: Engine,
    examples: Sequence[Example],
    prompts: Sequence[str],
    key: StoreKey,
    path: Path,
    part_rows: int = PART_ROWS,
) -> Store:
    """Write the completions of `examples`, judged, to `path`; what is there already is not generated again.

    A finished file with the same key is returned as it is. An interrupted evaluation continues after its last whole
    part: parts lie beside `path` under the key's digest until the file is complete. Each part samples with its own
    seed, hashed from the whole key, so that a continued evaluation equals an uninterrupted one and no two evaluations
    share their draws: one generation, the 30 of a curve and the samples of a baseline are independent.

    Args:
        engine: who generates.
        examples: the questions.
        prompts: one per question, asking for `key.protocol.layout`.
        key: what the file is made from; `key.sampling.n` completions are drawn for each question.
        path: the file to write.
        part_rows: completions in one part.

    Raises:
        InputError: the key is not that of these examples and prompts, or `path` was made from something else.
    """
    _check(key, examples, prompts)
    if path.exists():
        store = Store(path)
        store.check_key(key)
        store.check_examples(examples)
        log.info("%s: complete, nothing to generate", path)
        return store
    parts = path.with_name(f".{path.name}.{key.digest()}.parts")
    per_part = max(1, part_rows // key.sampling.n)
    starts = range(0, len(examples), per_part)
    for index, start in enumerate(starts):
        part = parts / f"{index:06d}-{per_part}.parquet"
        if part.exists():
            continue
        batch = slice(start, start + per_part)
        sampling = replace(key.sampling, seed=mix_seed(key.digest(), start))
        completions = engine.generate(prompts[batch], sampling)
        rows = _judged(examples[batch], completions, key)
        write_rows(part, key, iter([pa.Table.from_pylist(list(rows), schema=SCHEMA)]))
        log.info("%s: %d of %d questions", path, min(start + per_part, len(examples)), len(examples))
    files = [parts / f"{index:06d}-{per_part}.parquet" for index in range(len(starts))]
    write_rows(path, key, (table for file in files for table in Store(file).groups()))
    shutil.rmtree(parts)
    return Store(path)


def _check(key: StoreKey, examples: Sequence[Example], prompts: Sequence[str]) -> None:
    if not examples:
        raise InputError("evaluation: no questions; prepare a split with at least one")
    if len(prompts) != len(examples):
        raise InputError(f"evaluation: {len(prompts)} prompts for {len(examples)} questions; give one for each")
    if key.dataset != dataset_digest(examples) or key.prompts != prompt_digest(prompts):
        raise InputError("evaluation: the key is of other examples or prompts; make it from these")


def _judged(
    examples: Sequence[Example], completions: Iterator[list[Completion]], key: StoreKey
) -> Iterator[dict[str, Any]]:
    drawn = list(completions)
    if [len(of_one) for of_one in drawn] != [key.sampling.n] * len(examples):
        raise RuntimeError(f"{len(examples)} prompts × {key.sampling.n}: the engine gave another number of completions")
    return judged_rows(examples, drawn, key)
