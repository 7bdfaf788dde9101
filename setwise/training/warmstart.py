"""Supervised warm start: every layout the methods need is learnt from demonstrations before RL (DESIGN §2)."""

from __future__ import annotations

import logging
import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.answers import AnswerSet, Layout, parse
from setwise.domains import Example
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.errors import InputError
from setwise.params import WarmstartParams
from setwise.prompts import build_prompt
from setwise.training.confidences import confidence_tokens, expected_brier
from setwise.training.demonstrations import (
    Demonstration,
    Places,
    distilled_demonstration,
    longest_completion,
    template_demonstration,
)
from setwise.training.live import counted
from setwise.training.scores import score_answers
from setwise.training.supervised import supervise

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger("setwise.training")

_SINGLE = Layout(1)


def warm_start(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    vocabulary: Sequence[str] | None,
    params: WarmstartParams,
    layouts: Sequence[Layout],
    instruction: str,
    seed: int,
    output_dir: Path,
    callbacks: Sequence[Any] = (),
) -> dict[str, float]:
    """Train `model` in place until it answers in every one of `layouts`.

    Args:
        examples: the training split.
        vocabulary: the domain's closed list of answers; None where answers are open.
        layouts: the layouts of the methods to be trained later.
        output_dir: a scratch folder for the trainer.
        callbacks: `transformers` trainer callbacks, given to each of the (one or two) supervised trainings.

    Returns:
        Counts (`demonstrations`, `dropped`, and with `distill` `distilled`, `distilled_dropped`, `samples_invalid`)
        and seconds (`supervised_s`, `sampled_s`, `distilled_s`).

    Raises:
        InputError: no demonstration could be made of one of the layouts.
    """
    rng = random.Random(seed)
    answers = vocabulary or ()
    settings = {"instruction": instruction, "layout_share": params.layout_share, "learning_rate": params.learning_rate}
    settings |= {"output_dir": output_dir, "callbacks": callbacks}
    began = time.perf_counter()
    wanted = _first_layouts(layouts, params)
    asked = [wanted[i % len(wanted)] for i in range(min(params.examples, len(examples)))]
    places = Places.of(examples, answers)
    found = [_first(e, layout, answers, places, params, rng) for e, layout in zip(examples, asked, strict=False)]
    once = settings | {"epochs": params.epochs, "batch_size": params.batch_size, "seed": seed}
    record = _train(model, tokenizer, found, asked, once, "") | {"supervised_s": time.perf_counter() - began}
    if params.source != "distill":
        return record
    began = time.perf_counter()
    chosen = examples[-params.distill_examples :]
    beliefs, sampled = _beliefs(model, tokenizer, chosen, answers, places, instruction, params, seed)
    record |= sampled | {"sampled_s": time.perf_counter() - began}
    began = time.perf_counter()
    again = settings | {"epochs": params.distill_epochs, "batch_size": params.distill_batch_size, "seed": seed + 1}
    again["penalty"] = _confidence_penalty(tokenizer, params)
    asked = _turns(layouts, len(chosen))
    record |= _train(model, tokenizer, _distilled(chosen, beliefs, asked, answers, rng), asked, again, "distilled")
    return record | {"distilled_s": time.perf_counter() - began}


def _first_layouts(layouts: Sequence[Layout], params: WarmstartParams) -> list[Layout]:
    """The layouts that take turns first: all of them, or before distillation those that teach the answers best.

    Before scoring, single answers alone. Before sampling, twice as many sets beside them: few samples rank a set's
    last answers poorly, and templates teach best that answers differ: after single answers alone, the clinic's sets of
    three, distilled from 12 samples, were valid in 77% of cases at temperature 0, after this in 99%. They state no
    confidences, which would be random ones.
    """
    if params.source != "distill":
        return list(layouts)
    if params.distill_from == "scores":
        return [_SINGLE]
    sets = {layout.k: Layout(layout.k) for layout in layouts if layout.k > 1}
    return [_SINGLE, *sets.values(), *sets.values()]


def _first(
    example: Example,
    layout: Layout,
    answers: Sequence[str],
    places: Places,
    params: WarmstartParams,
    rng: random.Random,
) -> Demonstration | None:
    """A demonstration of the first training; single answers that are distilled later show places, where there are."""
    if params.source == "distill" and layout == _SINGLE and places.count > 1:
        return places.demonstrate(example, layout, rng)
    return template_demonstration(example, layout, answers, rng)


def _turns(layouts: Sequence[Layout], count: int) -> list[Layout]:
    """`count` layouts in turns, those with more to learn more often: confidences, then sets, then single answers.

    A single answer shows one confidence, a set several, so it takes more of the former.
    """
    turns: list[Layout] = []
    for layout in {_SINGLE: None, **dict.fromkeys(layouts)}:
        turns += [layout] * ((4 if layout.k > 1 else 5) if layout.confidences else 2 if layout.k > 1 else 1)
    random.Random(0).shuffle(turns)
    return [turns[i % len(turns)] for i in range(count)]


def _distilled(
    examples: Sequence[Example],
    beliefs: Sequence[dict[str, float]],
    asked: Sequence[Layout],
    answers: Sequence[str],
    rng: random.Random,
) -> list[Demonstration | None]:
    """A demonstration of what the policy believes for each example, in the layout asked for.

    The plain single answer goes on learning from gold: what a policy learns from its own answers is nothing new.
    """
    return [
        template_demonstration(example, _SINGLE, answers, rng)
        if layout == _SINGLE
        else distilled_demonstration(example, layout, belief, answers, rng)
        for example, belief, layout in zip(examples, beliefs, asked, strict=True)
    ]


def _confidence_penalty(tokenizer: PreTrainedTokenizerBase, params: WarmstartParams) -> Any | None:
    """The expected Brier score of what is stated, for `supervise`; None where it has no weight or no such tokens."""
    tokens = confidence_tokens(tokenizer)
    if params.confidence_weight and tokens:
        return expected_brier(tokens, params.confidence_weight)
    if params.confidence_weight:
        log.info("warm start: no confidence_weight: this tokenizer takes several tokens for a confidence")
    return None


def _beliefs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    answers: Sequence[str],
    places: Places,
    instruction: str,
    params: WarmstartParams,
    seed: int,
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """The probability that each answer is right, for each example; and what to record of how it was found."""
    if params.distill_from == "scores":
        scored = [*answers, places.nothing] if answers and places.count > 1 else answers
        shares = _score(model, tokenizer, examples, scored, instruction)
        return [places.marginals(one) for one in shares], {}
    shares, invalid = _sample(model, tokenizer, examples, places, instruction, params, seed)
    return [places.marginals(one) for one in shares], {"samples_invalid": invalid}


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    found: Sequence[Demonstration | None],
    asked: Sequence[Layout],
    settings: dict[str, Any],
    name: str,
) -> dict[str, float]:
    """Supervise on the demonstrations that could be made of what was asked; says how many and how many not."""
    made = [demonstration for demonstration in found if demonstration is not None]
    lacking = set(asked) - {demonstration.layout for demonstration in made}
    if lacking or not made:
        sizes = ", ".join(str(k) for k in sorted({layout.k for layout in lacking}))
        raise InputError(
            f"warm start: no demonstration could be made of {sizes or 'any number of'} answers; a domain with open "
            "answers needs as many gold answers as the layout asks for (lower `k`), and `distill` a policy whose "
            "single answers are valid (train longer)"
        )
    supervise(model, tokenizer, made, **settings)
    return {name or "demonstrations": len(made), f"{name}_dropped".lstrip("_"): len(found) - len(made)}


def _score(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    answers: Sequence[str],
    instruction: str,
) -> list[dict[str, float]]:
    """The probability that the policy gives each of `answers`, for each example."""
    if not answers:
        raise InputError(
            "params.yaml: warmstart.distill_from: 'scores' needs a domain with a closed list of answers; use 'samples'"
        )
    prompts = [build_prompt(example.question, _SINGLE, tokenizer, instruction) for example in examples]
    scored = score_answers(model, tokenizer, prompts, answers, _SINGLE)
    return [
        dict(zip(answers, row, strict=True))
        for row in counted(scored, len(prompts), f"scoring {len(answers)} answers a question")
    ]


def _sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    places: Places,
    instruction: str,
    params: WarmstartParams,
    seed: int,
) -> tuple[list[dict[str, float]], int]:
    """Each answer's share of the valid single answers drawn for each example, and how many draws were invalid.

    Where places stand empty, so much more is drawn that `distill_samples` of a question hold an answer, on average.
    """
    filled = sum(len(example.gold) for example in examples) / (places.count * len(examples))
    count = math.ceil(params.distill_samples / filled) if places.count > 1 and filled else params.distill_samples
    prompts = [build_prompt(example.question, _SINGLE, tokenizer, instruction) for example in examples]
    limit = longest_completion(examples, _SINGLE, tokenizer, [places.nothing] if places.count > 1 else [])
    sampling = Sampling(max_tokens=limit, n=count, seed=seed)
    generated = TransformersEngine(model, tokenizer, batch_size=512).generate(prompts, sampling)
    sets = [
        [parse(completion.text, _SINGLE) for completion in drawn]
        for drawn in counted(generated, len(prompts), f"sampling {count} single answers a question")
    ]
    answers = [Counter(found.answers[0] for found in drawn if isinstance(found, AnswerSet)) for drawn in sets]
    shares = [{answer: n / drawn.total() for answer, n in drawn.items()} for drawn in answers]
    return shares, count * len(examples) - sum(drawn.total() for drawn in answers)
