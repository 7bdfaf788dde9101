"""Prepared examples on disk: one Parquet file per split, byte-identical for the same examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from setwise.domains.base import Example
from setwise.errors import InputError

_POSTERIOR = pa.list_(pa.struct([("answer", pa.string()), ("probability", pa.float64())]))
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("question", pa.string()),
        ("gold", pa.list_(pa.list_(pa.string()))),
        ("match", pa.string()),
        ("exclusive", pa.bool_()),
        ("tests", pa.list_(pa.string())),
        ("setup", pa.string()),
        ("posterior", _POSTERIOR),
        ("source", pa.string()),
        ("columns", pa.string()),
    ]
)
"""The columns of a prepared split. `source` and `columns` are JSON objects."""


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write one split to `path`."""
    rows = [
        {
            "id": e.id,
            "domain": e.domain,
            "question": e.question,
            "gold": [list(aliases) for aliases in e.gold],
            "match": e.match,
            "exclusive": e.exclusive,
            "tests": list(e.tests),
            "setup": e.setup,
            "posterior": [{"answer": a, "probability": p} for a, p in e.posterior],
            "source": json.dumps(dict(e.source), sort_keys=True, ensure_ascii=False),
            "columns": json.dumps(dict(e.columns), sort_keys=True, ensure_ascii=False),
        }
        for e in examples
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, compression="zstd")


def read_examples(path: Path) -> list[Example]:
    """Read one split; `InputError` where the file is missing or has another schema."""
    if not path.exists():
        raise InputError(f"{path}: prepared data is missing; run `dvc repro prepare`")
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a readable Parquet file ({error}); run `dvc repro prepare`") from error
    if missing := [name for name in SCHEMA.names if name not in table.schema.names]:
        raise InputError(f"{path}: column {', '.join(missing)} is missing; run `dvc repro prepare`")
    if unknown := [name for name in table.schema.names if name not in SCHEMA.names]:
        raise InputError(f"{path}: unknown column {', '.join(unknown)}; run `dvc repro prepare`")
    rows = table.to_pylist()
    examples = []
    for index, row in enumerate(rows):
        try:
            example = _read_row(row)
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"{path}: row {index}: cannot be read ({error}); run `dvc repro prepare`") from error
        examples.append(example)
        if row["id"] != example.id:
            raise InputError(
                f"{path}: row {index}: id {row['id']} is not the content's {example.id}; run `dvc repro prepare`"
            )
    return examples


def _read_row(row: dict[str, Any]) -> Example:
    return Example(
        domain=row["domain"],
        question=row["question"],
        gold=tuple(tuple(aliases) for aliases in row["gold"]),
        match=row["match"],
        exclusive=row["exclusive"],
        source=json.loads(row["source"]),
        tests=tuple(row["tests"]),
        setup=row["setup"],
        posterior=tuple((p["answer"], p["probability"]) for p in row["posterior"]),
        columns=json.loads(row["columns"]),
    )
