"""Scores of answers are the probabilities that the policy itself gives them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from setwise.answers import AnswerSet, Layout, render
from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.training.scores import _split_off_shared, score_answers
from setwise.training.tokenizer import build_tokenizer

_ONE_TOKEN = ["flu", "cold", "gout"]
_SEVERAL_TOKENS = ["flu", "gout of the left toe", "gout of the right toe", "xylophobia"]
_PROMPTS = ["Who?\n1 answer:", "What does the patient with the cold have?\n1 answer:"]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(["flu", "cold", "gout", "Who? What does the patient have of the left right toe"] * 9, 600)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return build_model(ModelParams(hidden_size=32, intermediate_size=32), tokenizer, 0).eval()


def _one_by_one(model: Any, tokenizer: Any, prompt: str, answers: list[str]) -> list[float]:
    """Probability of each answer's own tokens, one unpadded sequence at a time, given that it is one of them."""
    before = tokenizer(prompt)["input_ids"]
    scores = []
    for answer in answers:
        own = tokenizer(render(AnswerSet((answer,)), Layout(1)))["input_ids"]
        with torch.no_grad():
            log_p = model(torch.tensor([before + own])).logits[0].log_softmax(-1)
        # "<think> </think> <answer>" is shared; so is what follows the answer
        scores.append(sum(float(log_p[len(before) + i - 1, own[i]]) for i in range(3, len(own) - 1)))
    return torch.tensor(scores).softmax(-1).tolist()


@pytest.mark.parametrize("answers", [_ONE_TOKEN, _SEVERAL_TOKENS])
def test_scores_are_the_probabilities_of_the_answers_read_one_by_one(
    model: Any, tokenizer: Any, answers: list[str]
) -> None:
    found = list(score_answers(model, tokenizer, _PROMPTS, answers, Layout(1)))
    for prompt, scores in zip(_PROMPTS, found, strict=True):
        assert scores == pytest.approx(_one_by_one(model, tokenizer, prompt, answers), abs=1e-5)


def test_scores_of_a_question_do_not_depend_on_the_questions_beside_it(model: Any, tokenizer: Any) -> None:
    together = list(score_answers(model, tokenizer, _PROMPTS, _SEVERAL_TOKENS, Layout(1)))
    alone = [next(score_answers(model, tokenizer, [prompt], _SEVERAL_TOKENS, Layout(1))) for prompt in _PROMPTS]
    assert together == [pytest.approx(row, abs=1e-5) for row in alone]


_BEGINNING_OTHERS = ["gout", "gout, flu, cold", "gout, flu", "xylophobia"]
"""Answers that begin others: the first and the third."""


@pytest.mark.parametrize("order", [1, -1])
def test_an_answer_that_begins_another_has_the_probability_of_itself_and_its_end(
    model: Any, tokenizer: Any, order: int
) -> None:
    answers = _BEGINNING_OTHERS[::order]
    whole = [tokenizer(render(AnswerSet((answer,)), Layout(1)))["input_ids"] for answer in answers]
    short, long = whole[answers.index("gout")], whole[answers.index("gout, flu")]
    assert short[:-1] == long[: len(short) - 1]
    found = list(score_answers(model, tokenizer, _PROMPTS, answers, Layout(1)))
    for prompt, scores in zip(_PROMPTS, found, strict=True):
        before = tokenizer(prompt)["input_ids"]
        exact = []
        for own in whole:
            with torch.no_grad():
                log_p = model(torch.tensor([before + own])).logits[0].log_softmax(-1)
            exact.append(sum(float(log_p[len(before) + i - 1, own[i]]) for i in range(3, len(own))))
        assert scores == pytest.approx(torch.tensor(exact).softmax(-1).tolist(), abs=1e-5)


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=2, max_size=6, unique_by=tuple))
def test_no_tail_begins_another_and_nothing_more_than_that_is_read(bodies: list[list[int]]) -> None:
    rows = [[7, 8, *body, 9, 9] for body in bodies]
    before, tails = _split_off_shared(rows)
    assert not any(a == b[: len(a)] for i, a in enumerate(tails) for j, b in enumerate(tails) if i != j)
    assert all(tails)
    assert all(row[: len(before) + len(tail)] == before + tail for row, tail in zip(rows, tails, strict=True))
    assert len({tuple(row[len(before) + len(tail) :]) for row, tail in zip(rows, tails, strict=True)}) == 1
