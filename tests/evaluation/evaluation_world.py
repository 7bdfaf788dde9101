"""A small world for evaluation tests: questions with a posterior, and an engine that answers them from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from setwise.answers import AnswerSet, Layout, render
from setwise.domains import Example
from setwise.engines import Completion, Engine, Sampling
from setwise.evaluation import Protocol, Store, StoreKey, generate, judge, text_digest

NAMES = tuple(f"disease {letter}" for letter in "abcdefgh")


def make_examples(n: int, seed: int = 0) -> list[Example]:
    """Exclusive questions over eight answers, gold drawn from the stated posterior."""
    rng = np.random.default_rng(seed)
    examples = []
    for i in range(n):
        posterior = np.sort(rng.dirichlet(np.full(len(NAMES), 0.5)))[::-1]
        gold = NAMES[rng.choice(len(NAMES), p=posterior)]
        truth = tuple((name, float(p)) for name, p in zip(NAMES, posterior, strict=True))
        question = f"question {seed}-{i}"
        examples.append(Example("clinic", question, ((gold,),), "exact", True, {"row": i}, posterior=truth))
    return examples


class SeededEngine:
    """Answers at random, the likelier names more often; every eighth completion is invalid. Counts its prompts."""

    name, device = "seeded", "cpu"

    def __init__(self, layout: Layout, stop_after: int | None = None) -> None:
        self.layout, self.stop_after, self.asked = layout, stop_after, 0

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        for prompt in prompts:
            if self.asked == self.stop_after:
                raise KeyboardInterrupt
            self.asked += 1
            digest = hashlib.sha256(f"{prompt} {sampling.seed}".encode()).digest()
            rng = np.random.default_rng(list(digest))
            yield [self._complete(rng) for _ in range(sampling.n)]

    def _complete(self, rng: np.random.Generator) -> Completion:
        weights = 0.7 ** np.arange(len(NAMES))
        chosen = rng.choice(len(NAMES), size=self.layout.k, replace=False, p=weights / weights.sum())
        stated = tuple(float(q) for q in rng.integers(0, 100 // self.layout.k, size=self.layout.k) / 100)
        words = " ".join(rng.choice(["fever", "cough", "pain", "rash", "so", "it", "may", "be"], size=12))
        answers = AnswerSet(tuple(NAMES[c] for c in chosen), stated if self.layout.confidences else None, words)
        text = "nothing" if rng.random() < 1 / 8 else render(answers, self.layout)
        return Completion(text, len(text.split()), finished=rng.random() > 0.1)


def make_key(examples: Sequence[Example], protocol: Protocol, weights: str = "w" * 64, seed: int = 0) -> StoreKey:
    """The key of an evaluation of `examples` with the questions themselves as prompts."""
    questions = text_digest([example.question for example in examples])
    return StoreKey(
        weights=weights,
        questions=questions,
        prompts=questions,
        method="rlcr_multi",
        protocol=protocol,
        sampling=Sampling(n=protocol.generations, seed=seed),
    )


def make_completions(path: Path, examples: Sequence[Example], protocol: Protocol, weights: str = "w" * 64) -> Store:
    """Completions of a `SeededEngine`; other `weights` give others."""
    key = make_key(examples, protocol, weights, seed=sum(weights.encode()))
    questions = [example.question for example in examples]
    return generate(SeededEngine(protocol.layout), questions, questions, key, path, part_rows=16)


def make_verdicts(engine: Engine, examples: Sequence[Example], key: StoreKey, path: Path, part_rows: int = 16) -> Path:
    """What an engine says, judged."""
    questions = [example.question for example in examples]
    completions = generate(engine, questions, questions, key, path.with_name(f"said-{path.name}"), part_rows)
    return judge(completions.path, examples, path)


def make_store(path: Path, examples: Sequence[Example], protocol: Protocol, weights: str = "w" * 64) -> Store:
    """The verdicts on those completions."""
    said = make_completions(path.with_name(f"said-{path.name}"), examples, protocol, weights)
    return Store(judge(said.path, examples, path))
