"""The questions that training may use, and those of them that are kept to judge it by."""

from __future__ import annotations

from pipelines.paths import split_path
from setwise.domains import Example
from setwise.domains.parquet import read_examples
from setwise.params import Params


def training_questions(params: Params) -> list[Example]:
    """The split `train`; the last `params.train.held_out` of it are for judging.

    Raises:
        InputError: fewer are left to train on than one step takes.
    """
    from setwise.training.train import check_questions

    examples = read_examples(split_path(params, "train"))
    check_questions(len(examples), params)
    return examples
