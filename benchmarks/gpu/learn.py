"""Warm start and RL of a real language model on DDXPlus rows, within seconds given, with the trainer of the product.

The warm start teaches the layout alone: answers drawn by their base rates, without regard to the patient, so that what
a model knows of patients at the end reinforcement learning has taught it.
"""

from __future__ import annotations

import copy
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from decoder import StaticDecoder
from prompt_sharing import synchronize
from transformers import TrainerCallback

from setwise.answers import AnswerSet, Layout
from setwise.domains import Example, get_domain
from setwise.matching import judge_batch
from setwise.methods import get_method
from setwise.metrics.bootstrap import draws
from setwise.params import Params, validate_params
from setwise.prompts import build_prompt
from setwise.recipes import read_recipe
from setwise.training.demonstrations import Demonstration
from setwise.training.rl import make_trainer
from setwise.training.supervised import supervise

METHODS = {"rlcr_multi": 4.0, "rlvr_multi": 3.0, "rlvr_single": 1.5, "rlcr_single": 2.0}
"""The methods in the order in which they are trained, and their shares of the time."""
K = 3
_RECIPES = Path(__file__).parents[2] / "recipes"
_TEST = 1000


class Learner:
    """Trains one policy by one method after another from the same warm start, and judges each on the same questions."""

    def __init__(self, model: Any, tokenizer: Any, data: Path, smoke: bool, seed: int) -> None:
        os.environ["SETWISE_REAL_DATA"] = str(data.resolve())
        self.params = _params(smoke, seed)
        self.domain = get_domain("ddxplus")
        prepared = self.domain.load(self.params.domain, seed)
        rng = random.Random(seed)
        self.train_split = rng.sample(prepared.splits["train"], len(prepared.splits["train"]))
        self.test_split = rng.sample(prepared.splits["test"], 8 if smoke else _TEST)
        self.model, self.tokenizer, self.smoke, self.seed = model, tokenizer, smoke, seed
        self.sampling_model = copy.deepcopy(model).to(torch.bfloat16).eval()
        self.start: dict[str, Any] = {}
        self.judged: dict[str, dict[str, np.ndarray]] = {}
        self.judging_s = 0.0
        self.decoders: dict[Layout, StaticDecoder] = {}

    def warm_start(self) -> dict[str, Any]:
        """Supervised on demonstrations whose answers follow the base rates."""
        rates = Counter(example.gold[0][0] for example in self.train_split)
        rng = random.Random(self.seed)
        count = 16 if self.smoke else 3200
        layouts = [get_method(name).layout(K) for name in METHODS]
        made = [_by_base_rates(e, layouts[i % 4], rates, rng) for i, e in enumerate(self.train_split[:count])]
        with tempfile.TemporaryDirectory() as folder:
            policy = copy.deepcopy(self.model)
            supervise(
                policy,
                self.tokenizer,
                made,
                instruction=self.domain.instruction,
                epochs=1.0,
                learning_rate=2e-4,
                batch_size=8 if self.smoke else 32,
                seed=self.seed,
                output_dir=Path(folder),
            )
        self.start = {name: value.detach().clone() for name, value in policy.state_dict().items()}
        top = sum(n for _, n in rates.most_common(K)) / rates.total()
        return {"demonstrations": count, "answers": len(rates), "share_of_the_three_commonest": top}

    def judge_all(self) -> dict[str, Any]:
        """The warm-started policy asked as each method asks."""
        self._sync(self.start)
        began = time.monotonic()
        found = {name: self._judge(name, f"{name}/warmstart") for name in METHODS}
        self.judging_s = (time.monotonic() - began) / len(METHODS)
        return found

    def train(self, method: str, seconds: float) -> dict[str, Any]:
        """RL from the warm start until `seconds` are over, the rate falling with the time; judged at the end."""
        policy = copy.deepcopy(self.model)
        policy.load_state_dict(self.start)
        with tempfile.TemporaryDirectory() as folder:
            clock = _Clock(seconds)
            asked = get_method(method)
            trainer = make_trainer(policy, self.tokenizer, self.train_split, asked, self.params, Path(folder), [clock])
            clock.attach(trainer)
            trainer.args.save_strategy = "no"
            rows = self.params.train.prompts_per_step * self.params.train.generations
            decoder = self._decoder(asked.layout(K), rows)

            def generate(prompt_ids: list[list[int]], images: Any, fields: Any, copies: int, *_: Any) -> Any:
                began = time.perf_counter()
                self._sync(trainer.accelerator.unwrap_model(trainer.model).state_dict())
                drawn = decoder.generate(prompt_ids[::copies], copies, self.params.train.temperature)
                clock.generation.append(time.perf_counter() - began)
                return drawn, None

            trainer._generate_single_turn = generate
            trainer.train()
            self._sync(policy.state_dict())
        history = [row for row in trainer.state.log_history if "reward" in row]
        curve = [{k: round(v, 5) for k, v in row.items() if isinstance(v, float | int)} for row in history]
        return {
            "steps": trainer.state.global_step,
            "seconds": round(clock.elapsed(), 1),
            "unshared": trainer.unshared,
            "generation_s": round(float(np.median(clock.generation)), 4),
            "step_s": round(float(np.median(clock.steps)), 4),
            "first_reward": curve[0]["reward"],
            "last_reward": curve[-1]["reward"],
            **self._judge(method, method),
            "curve": curve,
        }

    def compare(self) -> dict[str, Any]:
        """Paired differences with their intervals: each method against its warm start, sets against samples."""
        found = {}
        for name in METHODS:
            if name in self.judged:
                found[f"{name} - its warm start, reward"] = self._difference(name, f"{name}/warmstart", "reward")
                found[f"{name} - its warm start, coverage"] = self._difference(name, f"{name}/warmstart", "covered")
        for pair in (("rlvr_multi", "rlvr_single"), ("rlcr_multi", "rlcr_single")):
            if all(name in self.judged for name in pair):
                found[f"{pair[0]} - 3 samples of {pair[1]}, coverage"] = self._difference(*pair, "covered")
                found[f"{pair[0]} - 3 samples of {pair[1]}, distinct"] = self._difference(*pair, "distinct")
                found[f"{pair[0]} - 3 samples of {pair[1]}, tokens"] = self._difference(*pair, "tokens")
        return found

    def _difference(self, one: str, other: str, column: str) -> list[float]:
        values = self.judged[one][column] - self.judged[other][column]
        means = np.concatenate([counts @ values for counts in draws(len(values), 2000, 0)]) / len(values)
        return [round(float(v), 4) for v in (values.mean(), *np.quantile(means, [0.025, 0.975]))]

    def _judge(self, method: str, name: str) -> dict[str, Any]:
        """One set for each test question, or K single answers; what they are worth."""
        asked = get_method(method)
        layout = asked.layout(K)
        copies = 1 if asked.multi else K
        prompts = [self._prompt(example, layout) for example in self.test_split]
        rows = self.params.train.prompts_per_step * self.params.train.generations
        began = time.perf_counter()
        drawn = self._decoder(layout, rows).generate(prompts, copies, 1.0)
        synchronize()
        seconds = time.perf_counter() - began
        texts = self.tokenizer.batch_decode(drawn, skip_special_tokens=True)
        golds = [example.to_gold() for example in self.test_split for _ in range(copies)]
        judgements = judge_batch(texts, golds, layout)
        self.judged[name] = columns = _columns(judgements, drawn, copies)
        reward = make_reward(self.params, method)
        columns["reward"] = (
            np.array([part.total for part in reward.breakdown(texts, golds)]).reshape(-1, copies).mean(axis=1)
        )
        summary = {key: round(float(values.mean()), 4) for key, values in columns.items()}
        summary |= _calibration(judgements) if asked.confidences else {}
        return summary | {"generation_s": round(seconds, 2), "example": texts[0]}

    def _prompt(self, example: Example, layout: Layout) -> list[int]:
        text = build_prompt(example.question, layout, self.tokenizer, self.domain.instruction)
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _decoder(self, layout: Layout, rows: int) -> StaticDecoder:
        """The decoder of a layout, its graph captured once for training and judging."""
        if layout not in self.decoders or self.decoders[layout].rows < rows:
            by_characters = sorted((*self.train_split, *self.test_split), key=lambda e: len(e.question))
            longest = 8 + max(len(self._prompt(example, layout)) for example in by_characters[-400:])
            limit = self.params.train.max_completion_tokens if layout.k > 1 else 48
            ends, pad = [self.tokenizer.eos_token_id], self.tokenizer.pad_token_id
            self.decoders[layout] = StaticDecoder(self.sampling_model, rows, longest, limit, ends, pad)
        return self.decoders[layout]

    def _sync(self, weights: dict[str, Any]) -> None:
        """Put weights into the model that samples, in its precision."""
        with torch.no_grad():
            for name, value in self.sampling_model.state_dict().items():
                value.copy_(weights[name])


class _Clock(TrainerCallback):
    """Ends a training when its seconds are over, and lets the learning rate fall to zero with them."""

    def __init__(self, seconds: float) -> None:
        self.budget = seconds
        self.began = time.monotonic()
        self.generation: list[float] = []
        self.steps: list[float] = []
        self._last = 0.0

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def attach(self, trainer: Any) -> None:
        """Give the trainer an optimizer whose rate follows this clock, after five steps of warm-up."""
        optimizer = trainer.create_optimizer()
        trainer.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / 5) * max(0.02, 1 - self.elapsed() / self.budget)
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop in time."""
        synchronize()
        now = time.perf_counter()
        if self._last:
            self.steps.append(now - self._last)
        self._last = now
        if self.elapsed() >= self.budget:
            control.should_training_stop = True


def make_reward(params: Params, method: str) -> Any:
    """The reward that the method is trained on."""
    from setwise.training.rl import training_reward

    return training_reward(get_method(method), params)


def _params(smoke: bool, seed: int) -> Params:
    """The recipe of DDXPlus at smoke size, at the size of a language model on a GPU."""
    settings = read_recipe("ddxplus-tiny", _RECIPES).params.model_dump(mode="json")
    settings["seed"] = seed
    settings["methods"] = list(METHODS)
    source = "${SETWISE_REAL_DATA}/"
    settings["domain"] |= {
        "train": f"{source}ddxplus_20path_subset_train.jsonl.gz",
        "test": f"{source}ddxplus_19path_subset_test.jsonl.gz",
        "extra_train": None,
        "extra_for": "train",
        "train_size": None,
        "test_size": None,
    }
    settings["train"] |= {
        "steps": 2 if smoke else 2000,
        "prompts_per_step": 2 if smoke else 64,
        "generations": 4 if smoke else 8,
        "learning_rate": 5e-5,
        "temperature": 1.0,
        "max_completion_tokens": 112,
        "checkpoints": 1,
        "held_out": 1,
    }
    settings["scale"]["mixed_precision"] = "no" if smoke else "bf16"
    settings["model"]["path"] = "the model of the drill"
    return validate_params(settings, "benchmark")


def _by_base_rates(example: Example, layout: Layout, rates: Counter[str], rng: random.Random) -> Demonstration:
    """Distinct answers drawn by how often they are right in training, whoever the patient is."""
    left = dict(rates)
    answers = []
    for _ in range(layout.k):
        answers += rng.choices(list(left), list(left.values()))
        del left[answers[-1]]
    confidences = tuple(rng.randint(1, 99) / 100 for _ in answers) if layout.confidences else None
    return Demonstration(example.question, layout, AnswerSet(tuple(answers), confidences))


def _columns(judgements: Any, drawn: list[list[int]], copies: int) -> dict[str, np.ndarray]:
    """Per question: validity, whether an answer of the set (or of the K samples) is right, the first, distinct ones."""
    grouped = [judgements[i : i + copies] for i in range(0, len(judgements), copies)]
    hits = [[any(j.hits) and j.valid for j in group] for group in grouped]
    keys = [{key for j in group if j.valid for key in j.keys} for group in grouped]
    tokens = np.array([len(row) for row in drawn]).reshape(-1, copies).sum(axis=1)
    return {
        "valid": np.array([np.mean([j.valid for j in group]) for group in grouped]),
        "covered": np.array([float(any(row)) for row in hits]),
        "first_right": np.array([float(g[0].valid and bool(g[0].hits[0])) for g in grouped]),
        "distinct": np.array([float(len(found)) for found in keys]),
        "tokens": tokens.astype(float),
    }


def _calibration(judgements: Any) -> dict[str, float]:
    """Brier score per answer and ECE (ten bins of equal width) of valid completions, by each answer's confidence."""
    stated = np.array([q for j in judgements if j.valid for q in j.confidences])
    right = np.array([h for j in judgements if j.valid for h in j.hits], dtype=float)
    if not len(stated):
        return {}
    bins = np.minimum((stated * 10).astype(int), 9)
    gaps = [abs(stated[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    return {"brier": round(float(((stated - right) ** 2).mean()), 4), "ece": round(float(sum(gaps)), 4)}
