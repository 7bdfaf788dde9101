"""The warm start on a small clinic world: every layout is learnt, and what was dropped is counted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from setwise.answers import Layout, parse, render
from setwise.answers.layout import AnswerSet
from setwise.domains import Example
from setwise.domains.clinic import DOMAIN, ClinicParams
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.errors import InputError
from setwise.params import ModelParams, WarmstartParams
from setwise.policy import build_model
from setwise.prompts import plain_prompt
from setwise.training.demonstrations import distilled_demonstration, longest_completion, template_demonstration
from setwise.training.supervised import tokenize
from setwise.training.tokenizer import build_tokenizer
from setwise.training.warmstart import warm_start


@pytest.fixture(scope="module")
def world() -> Any:
    return DOMAIN.load(ClinicParams(train_size=1500, test_size=20), 0)


@pytest.fixture(scope="module")
def tokenizer(world: Any) -> Any:
    return build_tokenizer((text for e in world.splits["train"] for text in (e.question, e.gold[0][0])), 2000)


def _example(*gold: str) -> Example:
    return Example("clinic", "q?", tuple((g,) for g in gold), "exact", True, {})


def test_a_template_puts_the_gold_answer_before_distinct_distractors() -> None:
    made = template_demonstration(_example("flu"), Layout(3), ["flu", "cold", "gout"], random.Random(0))
    assert made is not None
    assert made.answer_set.answers[0] == "flu"
    assert set(made.answer_set.answers) == {"flu", "cold", "gout"}


def test_no_demonstration_is_made_where_there_are_too_few_answers() -> None:
    assert template_demonstration(_example("flu"), Layout(3), [], random.Random(0)) is None


def test_distillation_ranks_answers_by_probability_and_states_it_as_confidence() -> None:
    layout = Layout(2, confidences=True)
    made = distilled_demonstration(_example("flu"), layout, {"flu": 0.25, "cold": 0.75}, ["gout"], random.Random(0))
    assert made is not None
    assert made.answer_set == AnswerSet(("cold", "flu"), (0.75, 0.25))


def test_a_distilled_single_answer_is_drawn_with_its_probability_and_states_it() -> None:
    layout, rng = Layout(1, confidences=True), random.Random(0)
    made = [distilled_demonstration(_example("flu"), layout, {"flu": 0.25, "cold": 0.75}, [], rng) for _ in range(400)]
    flu = [one for one in made if one is not None and one.answer_set == AnswerSet(("flu",), (0.25,))]
    cold = [one for one in made if one is not None and one.answer_set == AnswerSet(("cold",), (0.75,))]
    assert len(flu) + len(cold) == 400
    assert 70 < len(flu) < 130


def test_an_answer_that_was_never_sampled_fills_the_set_with_confidence_zero() -> None:
    layout = Layout(2, confidences=True)
    made = distilled_demonstration(_example("flu"), layout, {"flu": 1.0}, ["flu", "gout"], random.Random(0))
    assert made is not None
    assert made.answer_set == AnswerSet(("flu", "gout"), (1.0, 0.0))


def test_a_question_without_any_valid_sample_gives_no_demonstration() -> None:
    assert distilled_demonstration(_example("flu"), Layout(2), {}, ["flu", "gout"], random.Random(0)) is None


def test_only_the_completion_is_labelled_and_it_ends(tokenizer: Any) -> None:
    made = template_demonstration(_example("flu"), Layout(1), [], random.Random(0))
    assert made is not None
    rows = tokenize([made], tokenizer, "")
    labelled = [token for token in rows["labels"][0] if token != -100]
    assert labelled[-1] == tokenizer.eos_token_id
    assert parse(tokenizer.decode(labelled[:-1]), Layout(1)) == made.answer_set


def test_tags_are_labelled_in_the_asked_share_of_demonstrations_and_answers_in_all(world: Any, tokenizer: Any) -> None:
    made = [template_demonstration(e, Layout(1), [], random.Random(0)) for e in world.splits["train"][:400]]
    rows = tokenize([one for one in made if one], tokenizer, "", layout_share=0.25)
    labelled = [tokenizer.decode([token for token in row if token != -100]) for row in rows["labels"]]
    answers = [example.gold[0][0] for example in world.splits["train"][:400]]
    assert all(answer in text for answer, text in zip(answers, labelled, strict=True))
    assert 0.15 < sum("</answer>" in text for text in labelled) / 400 < 0.35
    assert all(text == f" {answer}" for answer, text in zip(answers, labelled, strict=True) if "</answer>" not in text)


def test_the_longest_completion_holds_every_gold_set(world: Any, tokenizer: Any) -> None:
    examples = world.splits["train"]
    limit = longest_completion(examples, Layout(3, confidences=True), tokenizer)
    names = world.vocabulary
    texts = [render(AnswerSet(names[i : i + 3], (0.5, 0.3, 0.2)), Layout(3, confidences=True)) for i in range(9)]
    assert all(len(ids) < limit for ids in tokenizer(texts)["input_ids"])


@pytest.mark.parametrize("source", ["scores", "samples"])
def test_a_short_warm_start_gives_valid_answers_and_counts_what_it_made(
    world: Any, tokenizer: Any, tmp_path: Path, source: str
) -> None:
    given = {"distill_from": source, "distill_examples": 60, "distill_samples": 2, "distill_epochs": 1}
    params = WarmstartParams.model_validate({"examples": 1500, "epochs": 2, "learning_rate": 4e-3} | given)
    model = build_model(ModelParams(), tokenizer, 0)
    counts = warm_start(model, tokenizer, world.splits["train"], world.vocabulary, params, [Layout(1)], "", 0, tmp_path)
    assert (counts["demonstrations"], counts["distilled"]) == (1500, 60)
    prompts = [plain_prompt(example.question, Layout(1)) for example in world.splits["test"]]
    drawn = TransformersEngine(model, tokenizer).generate(prompts, Sampling(temperature=0, max_tokens=16))
    assert sum(isinstance(parse(one[0].text, Layout(1)), AnswerSet) for one in drawn) >= 18


def test_scores_need_a_closed_list_of_answers(world: Any, tokenizer: Any, tmp_path: Path) -> None:
    model = build_model(ModelParams(), tokenizer, 0)
    params = WarmstartParams(examples=32, distill_examples=32)
    with pytest.raises(InputError, match="'scores' needs a domain with a closed list of answers; use 'samples'"):
        warm_start(model, tokenizer, world.splits["train"][:32], None, params, [Layout(1)], "", 0, tmp_path)


def test_a_warm_start_without_any_demonstration_says_what_to_do(tokenizer: Any, tmp_path: Path) -> None:
    model = build_model(ModelParams(), tokenizer, 0)
    params = WarmstartParams(source="template")
    with pytest.raises(InputError, match="no demonstration could be made"):
        warm_start(model, tokenizer, [_example("flu")], None, params, [Layout(3)], "", 0, tmp_path)


def test_a_layout_without_any_demonstration_is_refused_though_others_have_some(tokenizer: Any, tmp_path: Path) -> None:
    model = build_model(ModelParams(), tokenizer, 0)
    params = WarmstartParams(source="template")
    examples, layouts = [_example("flu"), _example("cold")], [Layout(1), Layout(3)]
    with pytest.raises(InputError, match="no demonstration could be made of 3 answers"):
        warm_start(model, tokenizer, examples, ["flu", "cold"], params, layouts, "", 0, tmp_path)
