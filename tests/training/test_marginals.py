"""Of questions with several right answers, what demonstrations teach are the marginal probabilities of the answers.

The world is a clinic of mode `several` with so few findings that each evidence comes up many times: an ideal learner
believes of each evidence the average over its demonstrations, and the exact marginals are known.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setwise.answers import AnswerSet, Layout, parse
from setwise.domains import Example
from setwise.domains.clinic import (
    ClinicParams,
    describe,
    hypothesis_posterior,
    make_hypotheses,
    make_world,
    sample_patients,
)
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.params import ModelParams, WarmstartParams
from setwise.policy import build_model
from setwise.prompts import plain_prompt
from setwise.training.demonstrations import Places, distilled_demonstration, template_demonstration
from setwise.training.tokenizer import build_tokenizer
from setwise.training.warmstart import warm_start

SINGLE, STATED = Layout(1), Layout(3, confidences=True)


@dataclass(frozen=True)
class Known:
    """Patients, and of each question the exact marginals."""

    examples: list[Example]
    marginals: dict[str, dict[str, float]]
    names: list[str]


@pytest.fixture(scope="module")
def known() -> Known:
    params = ClinicParams(
        mode="several", families=2, diagnoses_per_family=3, findings=4, examined=2, train_size=10, test_size=2
    )
    world = make_world(params)
    hypotheses = make_hypotheses(world, "several")
    truth, findings = sample_patients(world, hypotheses, 2, 40_000, np.random.default_rng(0))
    exact = hypothesis_posterior(hypotheses, findings) @ hypotheses.members
    examples, marginals = [], {}
    for true, seen, row in zip(truth, findings, exact, strict=True):
        gold = tuple((world.diagnoses[i],) for i in np.flatnonzero(hypotheses.members[true]))
        examples.append(Example("clinic", describe(world, seen), gold, "exact", False, {}))
        marginals[examples[-1].question] = dict(zip(world.diagnoses, row.tolist(), strict=True))
    return Known(examples, marginals, sorted(world.diagnoses))


def beliefs(known: Known, shown: list[str]) -> dict[str, dict[str, float]]:
    """What an ideal learner believes a single answer to each evidence to be: the average over its demonstrations."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example, answer in zip(known.examples, shown, strict=True):
        counts[example.question][answer] += 1
    return {question: {a: n / drawn.total() for a, n in drawn.items()} for question, drawn in counts.items()}


def error(known: Known, believed: dict[str, dict[str, float]]) -> float:
    """The mean signed excess of what is believed over the marginals."""
    return float(np.mean([b.get(a, 0.0) - p for q, b in believed.items() for a, p in known.marginals[q].items()]))


def test_an_ideal_learner_of_places_believes_the_marginals(known: Known) -> None:
    rng, places = random.Random(0), Places.of(known.examples, known.names)
    assert places.count == 3
    shown = [places.demonstrate(example, SINGLE, rng).answer_set.answers[0] for example in known.examples]
    believed = {question: places.marginals(shares) for question, shares in beliefs(known, shown).items()}
    distances = [abs(believed[q].get(a, 0.0) - p) for q, exact in known.marginals.items() for a, p in exact.items()]
    assert np.mean(distances) < 0.02
    assert np.max(distances) < 0.1
    sums = [sum(believed[q].values()) - sum(exact.values()) for q, exact in known.marginals.items()]
    assert np.abs(sums).max() < 0.15


def test_one_right_answer_at_random_would_teach_too_little(known: Known) -> None:
    rng = random.Random(0)
    made = [template_demonstration(example, SINGLE, known.names, rng) for example in known.examples]
    assert error(known, beliefs(known, [one.answer_set.answers[0] for one in made if one])) < -0.1


def test_a_demonstrated_set_states_marginals_that_do_not_sum_to_one(known: Known) -> None:
    places = Places.of(known.examples, known.names)
    question, exact = next(iter(known.marginals.items()))
    shares = {answer: p / places.count for answer, p in exact.items()}
    shares[places.nothing] = 1 - sum(shares.values())
    example = next(e for e in known.examples if e.question == question)
    made = distilled_demonstration(example, STATED, places.marginals(shares), known.names, random.Random(0))
    assert made is not None
    stated = dict(zip(made.answer_set.answers, made.answer_set.confidences or (), strict=True))
    assert stated == {a: pytest.approx(exact[a], abs=0.006) for a in sorted(exact, key=lambda a: -exact[a])[:3]}


def test_the_answer_of_an_empty_place_is_none_of_the_domains() -> None:
    example = Example("qa", "q?", (("None", "nobody"), ("b",)), "text", False, {})
    assert Places.of([example], ["none 2"]) == Places(2, "none 3")


def test_questions_with_one_right_answer_have_one_place() -> None:
    example = Example("qa", "q?", (("a", "b"),), "text", True, {})
    places = Places.of([example, example], [])
    assert places.count == 1
    assert places.marginals({"a": 0.7, "none": 0.3}) == {"a": 0.7, "none": 0.3}


@pytest.mark.parametrize("source", ["scores", "samples"])
def test_a_small_model_distilled_from_its_own_answers_states_the_marginals(
    known: Known, tmp_path: Path, source: str
) -> None:
    examples = known.examples[:12_000]
    texts = [*(e.question for e in examples), *known.names * 99, *["none"] * 99]
    tokenizer: Any = build_tokenizer(texts, 600)
    model = build_model(ModelParams(hidden_size=32, intermediate_size=64), tokenizer, 0)
    given = {"distill_from": source, "examples": 9000, "distill_examples": 6000, "distill_epochs": 1, "epochs": 1}
    given |= {"learning_rate": 0.008, "layout_share": 0.3}
    params = WarmstartParams.model_validate(given)
    warm_start(model, tokenizer, examples, known.names, params, [STATED], "", 0, tmp_path)
    questions = sorted(known.marginals)
    prompts = [plain_prompt(question, STATED) for question in questions]
    drawn = TransformersEngine(model, tokenizer).generate(prompts, Sampling(temperature=0, max_tokens=32))
    stated, exact = [], []
    for question, completions in zip(questions, drawn, strict=True):
        found = parse(completions[0].text, STATED)
        if isinstance(found, AnswerSet):
            stated += found.confidences or ()
            exact += [known.marginals[question].get(answer, 0.0) for answer in found.answers]
    assert len(stated) >= 3 * 0.8 * len(questions)
    assert np.mean(stated) == pytest.approx(np.mean(exact), abs=0.05)
    assert np.mean(np.abs(np.subtract(stated, exact))) < 0.1
