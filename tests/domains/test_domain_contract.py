"""What holds of every domain that reads rows: the words of the contract, and the same files for the same seed."""

from pathlib import Path
from typing import Any

import pytest

from setwise.domains import get_domain, list_domains
from setwise.domains.base import Expectation
from setwise.domains.parquet import read_examples, write_examples
from setwise.errors import InputError

_READING = ("ambigqa", "ddxplus", "hotpotqa", "math", "mbpp", "qa")


def test_every_domain_of_the_design_is_there() -> None:
    assert set(list_domains()) == {*_READING, "clinic"}


def test_an_unknown_domain_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown domain 'splits': use one of ambigqa, clinic, .*qa"):
        get_domain("splits")


@pytest.mark.parametrize("name", _READING)
def test_a_domain_says_what_is_asked_and_what_it_expects(name: str) -> None:
    domain = get_domain(name)
    assert domain.name == name == domain.Params.model_fields["name"].default
    assert domain.instruction.endswith(".") and "\n" not in domain.instruction
    assert domain.expectations() and all(isinstance(x, Expectation) for x in domain.expectations())


def test_the_same_seed_writes_the_same_bytes_and_reads_back(write_rows: Any, tmp_path: Path) -> None:
    domain = get_domain("qa")
    params = domain.Params.model_validate(
        {
            "name": "qa",
            "train": write_rows("q.jsonl", [{"question": f"q{i}", "answer": "a"} for i in range(9)]),
            "test_size": 3,
        }
    )
    for name in ("one", "two"):
        prepared = domain.load(params, 5)
        write_examples(tmp_path / name, prepared.splits["test"])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_examples(tmp_path / "one") == list(prepared.splits["test"])
