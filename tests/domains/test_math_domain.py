"""Domain `math`: where the final answer stands in the answer column."""

from typing import Any

import pytest

from setwise.domains import Prepared
from setwise.domains.math import DOMAIN, MathParams
from setwise.errors import InputError


def _load(train: object, **params: object) -> Prepared:
    return DOMAIN.load(MathParams.model_validate({"train": train, "test_size": 1} | params), 0)


@pytest.mark.parametrize(
    ("answer_in", "text", "gold"),
    [
        ("whole", r"\frac{1}{2}", r"\frac{1}{2}"),
        ("whole", 0.5, "0.5"),
        ("hashes", "3 #### is wrong\nso 2 + 2 = 4\n#### 4", "4"),
        ("boxed", r"First \boxed{7}, then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("boxed", r"so $\boxed 5$.", "5"),
        ("boxed", r"so $\boxed {5}$.", "5"),
        ("boxed", r"so $\boxed\pi$.", r"\pi"),
        ("boxed", r"so $\fbox{5}$.", "5"),
        ("boxed", r"\boxed{7} in a \boxedset{8}", "7"),
        ("boxed", r"\boxed{\left\{x \mid x>1\right.}", r"\left\{x \mid x>1\right."),
        ("boxed", r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
    ],
)
def test_the_final_answer_is_found(write_rows: Any, answer_in: str, text: object, gold: str) -> None:
    rows = [{"problem": f"p{i}", "solution": text} for i in range(2)]
    file = write_rows("m.jsonl", rows)
    [example] = _load(file, question="problem", answer="solution", answer_in=answer_in).splits["test"]
    assert (example.gold, example.match, example.exclusive) == (((gold,),), "math", True)


def test_spellings_of_one_of_several_answers_are_one(write_rows: Any) -> None:
    answer = ["0.5", r"\frac{1}{2}", "x+1", "$x+1$", "x-1", 2.0, "2 cm"]
    file = write_rows("m.jsonl", [{"question": f"q{i}", "answer": answer} for i in range(2)])
    [example] = _load(file, answer_is="several").splits["test"]
    assert example.gold == (("0.5", r"\frac{1}{2}"), ("x+1", "$x+1$"), ("x-1",), ("2",), ("2 cm",))


@pytest.mark.parametrize(
    ("answer_in", "text"), [("hashes", "so 4"), ("hashes", "so ####"), ("boxed", "so 4"), ("boxed", r"so \boxed{4")]
)
def test_a_solution_without_a_final_answer_is_dropped_and_counted(write_rows: Any, answer_in: str, text: str) -> None:
    whole = [{"question": f"q{i}", "answer": r"#### \boxed{4}"} for i in range(2)]
    prepared = _load(write_rows("m.jsonl", [*whole, {"question": "q", "answer": text}]), answer_in=answer_in)
    assert [len(examples) for examples in prepared.splits.values()] == [1, 1]
    assert [(reason.split(": ")[1], count) for reason, count in prepared.dropped.items()] == [
        (f"no answer in {answer_in} of answer", 1)
    ]


def test_answers_that_all_lack_the_mark_stop_the_load(write_rows: Any) -> None:
    with pytest.raises(
        InputError, match=r"no row is left for it \(test: no answer in boxed of answer: 1\); check domain"
    ):
        _load(write_rows("m.jsonl", [{"question": "q", "answer": "so 4"}]), answer_in="boxed")


def test_a_worked_solution_left_in_the_gold_fails_the_expectation(write_rows: Any) -> None:
    [example] = _load(write_rows("m.jsonl", [{"question": f"q{i}", "answer": "so\n4"} for i in range(2)])).splits[
        "test"
    ]
    assert [x.name for x in DOMAIN.expectations() if not x.holds(example)] == ["answer_is_one_line"]
