"""What an evaluation generated, kept: one Parquet file per (model, protocol), keyed by what it was made from.

Rows stand in the order of the questions, all generations of a question together and in one row group, so that metrics
read it group by group. The key (digests and settings, never a name) is in the file's metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from setwise.answers import Layout
from setwise.domains import Example
from setwise.engines import Sampling
from setwise.errors import InputError
from setwise.evaluation.protocols import Protocol

SCHEMA = pa.schema(
    [
        ("question_id", pa.string()),
        ("generation_index", pa.int32()),
        ("text", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
        ("hits", pa.list_(pa.int8())),
        ("confidences", pa.list_(pa.float64())),
        ("posterior", pa.list_(pa.float64())),
        ("n_tokens", pa.int32()),
        ("finished", pa.bool_()),
        ("reason", pa.string()),
        ("faults", pa.list_(pa.string())),
    ]
)
"""The columns. `confidences` is null where none were parsed, `posterior` (the true probability of each answer) where
none is known, `reason` where the completion is valid. `faults` names checks that came to no verdict: a valid completion
that has any is undecided."""

_META = b"setwise.evaluation"
_REMEDY = "delete it, or write to another path, to generate again"


@dataclass(frozen=True)
class StoreKey:
    """What a file of generations was made from. Two files with equal keys hold the same experiment."""

    weights: str
    """Digest of the model's weights."""
    dataset: str
    """Digest of the examples (see `dataset_digest`)."""
    prompts: str
    """Digest of the prompts (see `prompt_digest`)."""
    method: str
    protocol: Protocol
    sampling: Sampling

    def __post_init__(self) -> None:
        if self.sampling.n != self.protocol.generations:
            raise ValueError(f"sampling.n is {self.sampling.n}, the protocol asks for {self.protocol.generations}")

    def to_json(self) -> str:
        """The key as a JSON object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> StoreKey:
        """The key that `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        protocol, sampling = fields.pop("protocol"), fields.pop("sampling")
        layout = Layout(**protocol.pop("layout"))
        return cls(**fields, protocol=Protocol(layout=layout, **protocol), sampling=Sampling(**sampling))

    def digest(self) -> str:
        """A short digest of the whole key."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def differences(self, other: StoreKey) -> list[str]:
        """The parts in which two keys differ, as `part mine != theirs`."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{part} {mine[part]} != {theirs[part]}" for part in mine if mine[part] != theirs[part]]


def dataset_digest(examples: Sequence[Example]) -> str:
    """Digest of the questions, their gold, how it is matched, and their posterior, in order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps([example.id, example.match, example.exclusive, example.posterior]).encode())
    return digest.hexdigest()


def prompt_digest(prompts: Sequence[str]) -> str:
    """Digest of the prompts, in order."""
    return hashlib.sha256(json.dumps(list(prompts)).encode()).hexdigest()


def write_rows(path: Path, key: StoreKey, tables: Iterator[pa.Table]) -> None:
    """Write `tables`, one row group each, to `path` in one step: the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.writing")
    schema = SCHEMA.with_metadata({_META: key.to_json().encode()})
    with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=max(1, len(table)))
    unfinished.replace(path)


class Store:
    """An evaluation file opened for reading, its key and schema checked.

    Raises:
        InputError: the file is missing, truncated, or no evaluation file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"{path}: no such evaluation; run `dvc repro evaluate@METHOD`")
        try:
            self._file = pq.ParquetFile(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: truncated or not a Parquet file ({error}); {_REMEDY}") from error
        metadata = self._file.schema_arrow.metadata or {}
        if _META not in metadata or self._file.schema_arrow.names != SCHEMA.names:
            raise InputError(f"{path}: not an evaluation file of this version; {_REMEDY}")
        self.key = StoreKey.from_json(metadata[_META].decode())
        self.n_rows: int = self._file.metadata.num_rows
        self.n_groups: int = self._file.num_row_groups

    def read_group(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One row group: whole questions, in order; all columns or the named ones."""
        try:
            return self._file.read_row_group(index, columns=columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.path}: row group {index} is damaged ({error}); {_REMEDY}") from error

    def groups(self) -> Iterator[pa.Table]:
        """All row groups in order, one in memory at a time."""
        return (self.read_group(index) for index in range(self.n_groups))

    def read_question(self, index: int) -> list[dict[str, Any]]:
        """The rows of question number `index`, as dicts by column."""
        n = self.key.protocol.generations
        row = index * n
        for group in range(self.n_groups):
            size = self._file.metadata.row_group(group).num_rows
            if row < size:
                rows: list[dict[str, Any]] = self.read_group(group).slice(row, n).to_pylist()
                return rows
            row -= size
        raise IndexError(f"{self.path}: no question number {index}")

    def check_key(self, expected: StoreKey) -> None:
        """Raise `InputError` where the file was made from something else than `expected`."""
        differences = self.key.differences(expected)
        if differences:
            raise InputError(f"{self.path}: made from something else ({'; '.join(differences)}); {_REMEDY}")

    def check_examples(self, examples: Sequence[Example]) -> None:
        """Raise `InputError` unless the file holds exactly these questions, in this order, all generations of each.

        Their gold, how it is matched and their posterior must be those that the answers were judged by.
        """
        n = self.key.protocol.generations
        asked = chain.from_iterable(repeat(example.id, n) for example in examples)
        if all(here == there for here, there in zip_longest(self._question_ids(), asked)):
            if self.key.dataset != dataset_digest(examples):
                raise InputError(
                    f"{self.path}: its answers were judged by another gold, posterior or way to match than the "
                    f"questions have now; give the split it was made from, or {_REMEDY}"
                )
            return
        held, wanted = set(self._question_ids()), {example.id for example in examples}
        raise InputError(
            f"{self.path}: holds {self.n_rows} rows of {len(held)} questions, {len(held & wanted)} of them among the "
            f"{len(examples)} asked for with {n} generations each; give the split it was made from, or {_REMEDY}"
        )

    def _question_ids(self) -> Iterator[str]:
        for index in range(self.n_groups):
            yield from self.read_group(index, ["question_id"]).column(0).to_pylist()
