"""What an evaluation keeps on disk: completions, as a model gave them, and verdicts, which are completions judged.

One Parquet file per (model, protocol), keyed by what its completions were made from, never by a name; the key is in the
file's metadata. Nothing in it depends on gold: a label, a matcher or a metric that changes leaves completions as they
are. Rows stand in the order of the questions, all generations of a question together and in one row group, so that
whoever reads them does so group by group.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from setwise.answers.layout import Layout
from setwise.engines.base import Sampling
from setwise.errors import InputError
from setwise.evaluation.protocols import Protocol

if TYPE_CHECKING:
    from setwise.domains import Example

COMPLETIONS = pa.schema(
    [
        ("question_id", pa.string()),
        ("generation_index", pa.int32()),
        ("text", pa.string()),
        ("n_tokens", pa.int32()),
        ("finished", pa.bool_()),
    ]
)
"""What only the model can give. `finished` is false where the token limit cut the text off."""
VERDICTS = pa.schema(
    [
        *COMPLETIONS,
        ("answers", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
        ("hits", pa.list_(pa.int8())),
        ("confidences", pa.list_(pa.float64())),
        ("posterior", pa.list_(pa.float64())),
        ("reason", pa.string()),
        ("faults", pa.list_(pa.string())),
    ]
)
"""Completions and what judging says of them: a file of verdicts can be judged again. `confidences` is null where none
were parsed, `posterior` (the true probability of each answer) where none is known, `reason` where the completion is
valid. `faults` names checks that came to no verdict: a valid completion that has any is undecided."""

_KEY, _GOLD = b"setwise.evaluation", b"setwise.gold"
_REMEDY = "delete it, or write to another path, to generate again"


@dataclass(frozen=True)
class StoreKey:
    """What completions were made from. Two files with equal keys hold the same experiment."""

    weights: str
    """Digest of the model's weights."""
    questions: str
    """Digest of the questions (see `text_digest`)."""
    prompts: str
    """Digest of the prompts."""
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


def text_digest(texts: Sequence[str]) -> str:
    """Digest of questions or prompts, in order."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()


def gold_digest(examples: Sequence[Example]) -> str:
    """Digest of what answers are judged by: the questions, their gold, how it is matched and their posterior."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps([example.id, example.match, example.exclusive, example.posterior]).encode())
    return digest.hexdigest()


def question_id(question: str) -> str:
    """What a question is called in a file of completions, whatever its gold."""
    return hashlib.sha256(question.encode()).hexdigest()[:16]


def write_rows(path: Path, key: StoreKey, tables: Iterable[pa.Table], gold: str | None = None) -> None:
    """Write `tables`, one row group each, to `path` in one step: the file is there whole or not at all.

    Args:
        path: the file.
        key: what the completions were made from.
        tables: rows of `COMPLETIONS`; of `VERDICTS` where `gold` is given.
        gold: digest of what they were judged by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.writing")
    schema = COMPLETIONS.with_metadata({_KEY: key.to_json().encode()})
    if gold is not None:
        schema = VERDICTS.with_metadata({_KEY: key.to_json().encode(), _GOLD: gold.encode()})
    with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=max(1, len(table)))
    unfinished.replace(path)


def is_store(path: Path) -> bool:
    """Whether the file is one of completions or verdicts, of this version or another; False where it can't be read."""
    try:
        return _KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


class Store:
    """A file of completions or verdicts opened for reading, its key and schema checked.

    Attributes:
        key: what its completions were made from.
        gold: digest of what they were judged by; None where they are not judged.

    Raises:
        InputError: the file is missing, truncated, or neither.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"{path}: no such file; `dvc repro` makes those of generate@METHOD and judge@METHOD")
        try:
            self._file = pq.ParquetFile(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: truncated or not a Parquet file ({error}); {_REMEDY}") from error
        metadata = self._file.schema_arrow.metadata or {}
        self.gold = metadata[_GOLD].decode() if _GOLD in metadata else None
        expected = COMPLETIONS if self.gold is None else VERDICTS
        if _KEY not in metadata or self._file.schema_arrow.names != expected.names:
            raise InputError(f"{path}: not a file of completions of this version; {_REMEDY}")
        self.key = StoreKey.from_json(metadata[_KEY].decode())
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
        here, there = asdict(self.key), asdict(expected)
        differences = [f"{part} {here[part]} != {there[part]}" for part in here if here[part] != there[part]]
        if differences:
            raise InputError(f"{self.path}: made from something else ({'; '.join(differences)}); {_REMEDY}")

    def check_questions(self, questions: Sequence[str]) -> None:
        """Raise `InputError` unless the file holds exactly these, in this order, all generations of each."""
        n, ids = self.key.protocol.generations, [question_id(question) for question in questions]
        asked = chain.from_iterable(repeat(name, n) for name in ids)
        if not all(here == there for here, there in zip_longest(self._question_ids(), asked)):
            held = set(self._question_ids())
            raise InputError(
                f"{self.path}: holds {self.n_rows} rows of {len(held)} questions, {len(held & set(ids))} of them "
                f"among the {len(ids)} asked for with {n} generations each; give the split it was made from, or "
                f"{_REMEDY}"
            )

    def _question_ids(self) -> Iterator[str]:
        for index in range(self.n_groups):
            yield from self.read_group(index, ["question_id"]).column(0).to_pylist()

    def check_judged(self, examples: Sequence[Example]) -> None:
        """Raise `InputError` unless the file holds the verdicts on these questions by the gold that they have."""
        self.check_questions([example.question for example in examples])
        if self.gold is None:
            raise InputError(f"{self.path}: holds completions that are not judged; judge them first (`setwise judge`)")
        if self.gold != gold_digest(examples):
            raise InputError(
                f"{self.path}: its answers were judged by another gold, posterior or way to match than the questions "
                "have now; judge its completions again (`setwise judge`)"
            )
