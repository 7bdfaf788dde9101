"""Stage `validate` on mathematics: gold that nobody can read is told, with its row, and does not stop the chain."""

import json
import logging
from pathlib import Path

import pytest

from pipelines.prepare import prepare
from pipelines.validate import validate
from setwise.domains import get_domain
from setwise.matching.symbolic import is_read
from setwise.params import Params

UNREAD = r"\frac{1}{2"


@pytest.mark.parametrize("text", ["5", "10:15", "Monday", r"\text{Evelyn}", r"\int_0^1 x^2 dx", "f(x)=x^2", "{1, 2}"])
def test_what_we_or_the_algebra_can_read_is_read(text: str) -> None:
    assert is_read(text)


@pytest.mark.parametrize("text", [UNREAD, "(]3", r"\foo 5 \bar", r"\{1, \foo\}"])
def test_a_formula_that_nobody_can_read_is_known_for_one(text: str) -> None:
    assert not is_read(text)


def test_unreadable_gold_is_a_warning_with_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ["3", UNREAD, *[str(i) for i in range(10, 22)]]
    rows = [{"question": f"How much is {answer}?", "answer": answer} for answer in answers]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    domain = {"name": "math", "train": "rows.jsonl", "train_size": 10, "test_size": 4}
    params = Params.model_construct(domain=get_domain("math").Params.model_validate(domain), seed=0)
    prepare(params)
    with caplog.at_level(logging.WARNING):
        validate(params)
    splits = json.loads(Path("reports/validation.json").read_text())["splits"]
    told = {
        name: [e["rows"][0]["value"] for e in split["expectations"] if not e["success"]]
        for name, split in splits.items()
    }
    assert sorted(told.values()) == [[], [json.dumps([[UNREAD]])]]
    assert all(split["success"] for split in splits.values())
    assert "gold_can_be_read in 1 rows: row" in caplog.text
