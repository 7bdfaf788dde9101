"""The questions that training may use, and those of them that are kept to judge it by."""

from __future__ import annotations

from pipelines.paths import split_path
from setwise.domains import Example
from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.params import Params


def training_questions(params: Params) -> list[Example]:
    """The split `train`; the last `params.train.held_out` of it are for judging.

    Raises:
        InputError: none would be left to train on.
    """
    examples = read_examples(split_path(params, "train"))
    if len(examples) <= params.train.held_out:
        raise InputError(
            f"params.yaml: train.held_out: {params.train.held_out} of {len(examples)} training questions; lower it"
        )
    return examples
