"""A workspace as the stages before `report` leave it, made in seconds by models that answer from a seed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from planted import IMAGE, LINK, SCRIPT, VECTOR

from pipelines.generate import tasks_of
from setwise.answers import AnswerSet, Layout, render
from setwise.domains import Example
from setwise.domains.parquet import write_examples
from setwise.engines import Completion, Sampling
from setwise.evaluation import StoreKey, generate, judge, summarise, text_digest
from setwise.methods import METHODS
from setwise.params import DEFAULTS, Params, validate_params

NAMES = ("Torvitis", "Belmosis", "Carnemia", "Drelopathy", "Fostoma", IMAGE, VECTOR, LINK)
"""Some are texts that must be shown and never run."""
SKILL = {"base": 0.0, "warmstart": 0.5, "rlvr_single": 0.9, "rlcr_single": 0.9, "rlvr_multi": 1.0, "rlcr_multi": 1.0}
"""How well each model knows the posterior; 0 is not at all."""


def make_examples(n: int) -> list[Example]:
    """Exclusive questions over eight answers, gold drawn from the posterior; `SCRIPT` stands in every question."""
    rng = np.random.default_rng(5)
    examples = []
    for i in range(n):
        posterior = np.sort(rng.dirichlet(np.full(len(NAMES), 0.4)))[::-1]
        names = [NAMES[j] for j in rng.permutation(len(NAMES))]
        gold = names[rng.choice(len(names), p=posterior)]
        truth = tuple((name, float(p)) for name, p in zip(names, posterior, strict=True))
        question = f"Patient {i}: fever, cough and {SCRIPT}. Which diagnosis?"
        examples.append(Example("clinic", question, ((gold,),), "exact", True, {"row": i}, posterior=truth))
    return examples


def _with_two_answers(example: Example) -> Example:
    """The same question with its two likeliest answers as gold, not exclusive, without a posterior."""
    gold = tuple((name,) for name, _ in example.posterior[:2])
    return replace(example, gold=gold, exclusive=False, posterior=())


@dataclass(frozen=True)
class PosteriorWorld:
    """What the models know: questions with their posterior; whether they keep to the layout."""

    known: Sequence[Example]
    invalid: bool = False


class PosteriorEngine:
    """Answers the likelier names more often the greater its skill; a single-answer model repeats its favourite."""

    name, device = "posterior", "cpu"

    def __init__(self, world: PosteriorWorld, layout: Layout, skill: float) -> None:
        self.truth = {example.question: dict(example.posterior) for example in world.known}
        self.layout, self.skill, self.invalid = layout, skill, world.invalid

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        for prompt in prompts:
            digest = hashlib.sha256(f"{prompt} {self.layout} {self.skill}".encode()).digest()
            rng = np.random.default_rng(list(digest))
            yield [self._complete(prompt, rng) for _ in range(sampling.n)]

    def _complete(self, prompt: str, rng: np.random.Generator) -> Completion:
        names = list(self.truth[prompt])
        p = self.skill * np.array(list(self.truth[prompt].values())) + (1 - self.skill) / len(names)
        sharp = p**2 / (p**2).sum() if self.layout.k == 1 else (p + 1e-3) / (p + 1e-3).sum()
        chosen = rng.choice(len(names), size=self.layout.k, replace=False, p=sharp)
        stated = tuple(math.floor(float(p[c]) * 100) / 100 for c in chosen)
        words = " ".join(rng.choice(["fever", "and", "cough", "speak", "for", "it"], size=9))
        answers = AnswerSet(tuple(names[c] for c in chosen), stated if self.layout.confidences else None, words)
        valid = rng.random() < 0.8 + 0.2 * self.skill and not self.invalid
        text = render(answers, self.layout) if valid else f"no idea {SCRIPT}"
        return Completion(text, 3 + len(text.split()), finished=valid)


def make_workspace(
    root: Path, n: int = 60, methods: tuple[str, ...] = tuple(METHODS), several: bool = False, invalid: bool = False
) -> Params:
    """Write params, data, evaluations, curves and validation under `root`; the params are returned.

    Args:
        root: an empty folder.
        n: test questions.
        methods: those of the params.
        several: whether questions have two gold answers and no posterior.
        invalid: whether every completion is invalid.
    """
    content = DEFAULTS | {"methods": list(methods), "evaluate": {"answers": 9, "resamples": 200}}
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    params = validate_params(content, "params.yaml")
    known = make_examples(n)
    examples = [_with_two_answers(example) for example in known] if several else known
    folder = root / "data" / "clinic"
    folder.mkdir(parents=True)
    write_examples(folder / "test.parquet", examples)
    write_examples(folder / "train.parquet", examples[:5])
    for method in methods:
        _evaluate(root, params, method, examples, PosteriorWorld(known, invalid))
        _write_curve(root, method)
    _write_validation(root, n)
    return params


def _evaluate(root: Path, params: Params, method: str, examples: Sequence[Example], world: PosteriorWorld) -> None:
    prompts = [example.question for example in examples]
    for task in tasks_of(METHODS[method], params):
        key = StoreKey(
            weights=hashlib.sha256(task.model.encode()).hexdigest(),
            questions=text_digest(prompts),
            prompts=text_digest(prompts),
            method=method,
            protocol=task.protocol,
            sampling=Sampling(
                temperature=params.evaluate.temperature,
                max_tokens=params.evaluate.max_completion_tokens,
                n=task.protocol.generations,
                seed=params.seed,
            ),
        )
        engine = PosteriorEngine(world, task.protocol.layout, SKILL[task.model])
        path = root / "reports" / "evaluation" / method / f"{task.name}.parquet"
        said = root / "reports" / "completions" / method / path.name
        judge(generate(engine, prompts, prompts, key, said).path, examples, path)
        report = summarise(path, examples, n_resamples=params.evaluate.resamples)
        path.with_suffix(".json").write_text(json.dumps(report), encoding="utf-8")
    cost = {"seconds": 83.0, "device": "cpu", "revision": "0123456789ab"}
    (root / "reports" / "evaluation" / method / "cost.json").write_text(json.dumps(cost), encoding="utf-8")


def _write_curve(root: Path, method: str) -> None:
    rows = [
        {
            "step": step,
            "train/reward": 1.5 - math.exp(-step / 10),
            "train/valid": 1 - 0.2 * math.exp(-step / 5),
            "train/coverage": 0.8 - 0.4 * math.exp(-step / 10),
            "train/step_time": 0.25,
            "train/num_tokens": 1000.0 * step,
        }
        for step in range(1, 41)
    ]
    path = root / "reports" / "curves" / f"{method}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_validation(root: Path, n: int) -> None:
    met = {
        "expectation": "expect_column_values_to_be_unique",
        "column": "id",
        "success": True,
        "unexpected": 0,
        "observed": None,
        "rows": [],
    }
    splits = {
        split: {"digest": f"{index:064d}", "rows": rows, "success": True, "expectations": [met]}
        for index, (split, rows) in enumerate((("test", n), ("train", 5)))
    }
    text = json.dumps({"splits": splits, "dropped": {"repeated question": 3}})
    (root / "reports" / "validation.json").write_text(text, encoding="utf-8")
