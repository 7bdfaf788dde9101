"""Rows of a store → the arrays that metrics read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setwise.domains import Example
from setwise.errors import InputError
from setwise.evaluation.protocols import Protocol
from setwise.metrics import Generations, Questions
from setwise.metrics.attainable import best_hits, best_set_briers
from setwise.metrics.sets import ranked


def read_generations(table: pa.Table, protocol: Protocol, path: Path) -> Generations:
    """The generations of one row group, the answers of each ranked.

    Raises:
        InputError: a valid row has another number of answers or confidences than the layout; names `path`.
    """
    k, shape = protocol.layout.k, (-1, protocol.generations, protocol.layout.k)
    valid = np.asarray(pc.is_null(table.column("reason")))

    def slots(name: str, empty: float) -> np.ndarray:
        column = table.column(name).combine_chunks().filter(pa.array(valid))
        if not np.all(np.asarray(pc.fill_null(pc.list_value_length(column), -1)) == k):
            raise InputError(f"{path}: a valid row whose {name} are not {k}, as its key says; evaluate again")
        values = column.flatten()
        flat = values.dictionary_encode().indices if pa.types.is_string(values.type) else values
        filled = np.full((len(valid), k), empty)
        filled[valid] = np.asarray(flat, dtype=float).reshape(-1, k)
        return filled.reshape(shape)

    stated = slots("confidences", 0.0) if protocol.layout.confidences else None
    known = np.asarray(pc.is_valid(table.column("posterior")))
    return ranked(
        Generations(
            keys=slots("keys", -1).astype(np.int64),
            hits=slots("hits", 0).astype(bool),
            confidences=stated,
            posterior=_posterior(table, valid & known, k).reshape(shape) if known.any() else None,
            valid=valid.reshape(shape[:2]),
            tokens=np.asarray(table.column("n_tokens"), dtype=np.int64).reshape(shape[:2]),
            undecided=(valid & (_counts(table.column("faults")) > 0)).reshape(shape[:2]),
        )
    )


def _counts(column: pa.ChunkedArray) -> np.ndarray:
    """[rows] how many entries each list has."""
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0))


def _posterior(table: pa.Table, where: np.ndarray, k: int) -> np.ndarray:
    """[rows, k] the true probability of each answer; 0 where no posterior is known or the row is invalid."""
    filled = np.zeros((len(where), k))
    values = table.column("posterior").combine_chunks().filter(pa.array(where)).flatten()
    filled[where] = np.asarray(values, dtype=float).reshape(-1, k)
    return filled


def read_questions(examples: Sequence[Example], answers: int) -> Questions:
    """What metrics need of the examples; the best attainable is that of a set of `answers` answers."""
    truths = [[probability for _, probability in example.posterior] for example in examples]
    return Questions(
        gold=np.array([len(example.gold) for example in examples]),
        exclusive=np.array([example.exclusive for example in examples]),
        known=np.array([bool(truth) for truth in truths]),
        best_coverage=np.array([_attainable(example, answers) for example in examples]),
        best_hits=np.array([best_hits(truth, answers) for truth in truths]),
        best_brier=np.stack([best_set_briers(truth, answers) for truth in truths]),
    )


def _attainable(example: Example, answers: int) -> float:
    """Attainable coverage@answers: Σp of exclusive answers, else what the domain says (by k, from 1); 0 if unknown."""
    if example.exclusive:
        return best_hits([probability for _, probability in example.posterior], answers)
    stated = example.columns.get("attainable_coverage", ())
    return float(stated[answers - 1]) if answers <= len(stated) else 0.0
