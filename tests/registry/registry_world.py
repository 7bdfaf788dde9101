"""Evaluated models to register: tiny weights, and answers of a chosen quality, by the evaluation's own writer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from setwise.answers import AnswerSet, Layout, render
from setwise.digests import weights_digest
from setwise.domains import Example
from setwise.domains.parquet import read_examples, write_examples
from setwise.engines import Completion, Sampling
from setwise.evaluation import StoreKey, generate, get_protocol, judge, summarise, text_digest
from setwise.methods import get_method
from setwise.params import ModelParams, Params, load_params
from setwise.policy import build_model
from setwise.training.tokenizer import build_tokenizer

NAMES = tuple(f"disease {letter}" for letter in "abcdefgh")
METHOD = "rlcr_multi"
PARAMS: dict[str, Any] = {
    "seed": 0,
    "k": 2,
    "methods": [METHOD],
    "threads": 1,
    "domain": {"name": "clinic", "families": 2, "train_size": 1500, "test_size": 40},
    "evaluate": {"max_completion_tokens": 32, "resamples": 300},
    "registry": {},
    **{section: {} for section in ("model", "warmstart", "reward", "train", "scale")},
}


def make_examples(n: int, seed: int = 0) -> list[Example]:
    """Exclusive questions over eight answers."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(NAMES, size=n)
    return [
        Example("clinic", f"question {seed}-{i}", ((str(name),),), "exact", True, {"row": i})
        for i, name in enumerate(gold)
    ]


@dataclass(frozen=True)
class Skill:
    """How well a scripted model answers."""

    right: float = 0.5
    """Share of its sets with the right answer."""
    valid: float = 1.0
    stated: float = 0.5
    """Confidence of its first answer."""
    words: int = 4
    """Of reasoning."""
    seed: int = 0


class ScriptedEngine:
    """Answers by a `Skill`. Which questions it gets right at one seed is nested: more skill, more of the same."""

    name, device = "scripted", "cpu"

    def __init__(self, skill: Skill, examples: Sequence[Example], layout: Layout) -> None:
        self.skill, self.layout = skill, layout
        self.gold = {example.question: example.gold[0][0] for example in examples}

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        for prompt in prompts:
            draws = np.random.default_rng(list(hashlib.sha256(f"{prompt}{self.skill.seed}".encode()).digest()))
            right, valid = draws.random(2)
            wrong = [name for name in NAMES if name != self.gold[prompt]]
            first = self.gold[prompt] if right < self.skill.right else wrong[0]
            answers = AnswerSet((first, wrong[1]), (self.skill.stated, 0.1), " ".join(["hm"] * self.skill.words))
            text = render(answers, self.layout) if valid < self.skill.valid else "nothing"
            yield [Completion(text, 20 + self.skill.words, True)]


@dataclass
class Workspace:
    """A clone with params, data, one model and its evaluation."""

    root: Path
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def loaded(self) -> Params:
        return load_params(self.root / "params.yaml")

    def set(self, **registry: Any) -> None:
        """Change params of the section `registry`."""
        self.params["registry"] |= registry
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))

    def ask_about(self, examples: Sequence[Example]) -> None:
        """Make these the test split."""
        write_examples(self.root / "data" / "clinic" / "test.parquet", examples)

    def train(self, seed: int) -> None:
        """Put other weights in the place of the model."""
        tokenizer = build_tokenizer([f"question {i}" for i in range(40)], 400)
        size = ModelParams(hidden_size=32, intermediate_size=64, layers=1, heads=2, max_length=256)
        model = build_model(size, tokenizer, seed)
        for part in (model, tokenizer):
            part.save_pretrained(self.root / "models" / METHOD)

    def evaluate(self, skill: Skill) -> None:
        """Have a scripted model of this skill answer the test split under the name of the weights in place."""
        examples = read_examples(self.root / "data" / "clinic" / "test.parquet")
        prompts = [example.question for example in examples]
        protocol = get_protocol("one", get_method(METHOD), self.params["k"])
        key = StoreKey(
            weights=weights_digest(self.root / "models" / METHOD),
            questions=text_digest(prompts),
            prompts=text_digest(prompts),
            method=METHOD,
            protocol=protocol,
            sampling=Sampling(max_tokens=self.params["evaluate"]["max_completion_tokens"]),
        )
        store = self.root / "reports" / "evaluation" / METHOD / "one.parquet"
        said = self.root / "reports" / "completions" / METHOD / "one.parquet"
        said.unlink(missing_ok=True)
        generate(ScriptedEngine(skill, examples, protocol.layout), prompts, prompts, key, said)
        judge(said, examples, store)
        report = summarise(store, examples, n_resamples=self.params["evaluate"]["resamples"])
        store.with_suffix(".json").write_text(json.dumps(report))

    def contender(self, seed: int, skill: Skill) -> None:
        """Train and evaluate."""
        self.train(seed)
        self.evaluate(skill)


def make_workspace(root: Path, n_questions: int = 300) -> Workspace:
    """A workspace with data and nothing trained."""
    (root / "data" / "clinic").mkdir(parents=True)
    (root / "dvc.yaml").write_text("stages: {}\n")
    workspace = Workspace(root, json.loads(json.dumps(PARAMS)))
    workspace.set()
    write_examples(root / "data" / "clinic" / "train.parquet", make_examples(20, seed=9))
    workspace.ask_about(make_examples(n_questions))
    return workspace
