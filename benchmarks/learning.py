"""Measure what training reaches on the clinic world against the best attainable. Prints one JSON object.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/learning.py --seeds 0 1 2

For each seed: a fresh world split, model and warm start, then each method from that warm start, with the defaults of
the params, as the stage `train` does it but for tracking: the weights that are measured are those that scored best on
the held-out questions, and `seconds` has loading, training, held-out scores and checkpoints in it. The test split is
answered once at temperature 1, before and after training. "Attainable" comes from the exact posterior: its K largest
probabilities for coverage and accuracy, and for the Brier score what stating the posterior itself would score on the
same sets. `share` is coverage of the one diagnosis drawn for each question, divided by the attainable; `share_expected`
is the posterior probability of the answers (0 for an invalid completion) instead, which is its mean over all such
draws; likewise `brier_excess_expected` and `ece_expected`. Intervals over seeds are Student's t, 95%; the interval of a
method's gain over its own warm start is a bootstrap over questions, per seed.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise.answers import Layout
from setwise.domains import Example
from setwise.domains.clinic import DOMAIN
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.matching import judge
from setwise.methods import METHODS
from setwise.metrics.seeds import mean_over_seeds
from setwise.params import DEFAULTS, Params, validate_params
from setwise.policy import build_model, load_policy
from setwise.prompts import plain_prompt
from setwise.training.tokenizer import build_tokenizer
from setwise.training.train import train_method
from setwise.training.warmstart import warm_start


def make_params(seed: int, methods: Sequence[str], train: dict[str, Any]) -> Params:
    """The defaults, with this seed."""
    given: dict[str, Any] = {"seed": seed, "methods": list(methods), "threads": torch.get_num_threads()}
    return validate_params(DEFAULTS | given, "benchmark")


def evaluate(model: Any, tokenizer: Any, test: Sequence[Example], layout: Layout, seed: int) -> dict[str, Any]:
    """Figures of one sampled completion per question, and the coverage of each question (0 where invalid)."""
    prompts = [plain_prompt(example.question, layout) for example in test]
    sampling = Sampling(temperature=1.0, max_tokens=64, seed=seed)
    drawn = TransformersEngine(model, tokenizer, 512).generate(prompts, sampling)
    judged = [judge(d[0].text, example.to_gold(), layout) for d, example in zip(drawn, test, strict=True)]
    covered = np.array([max(j.hits, default=0) for j in judged])
    best = np.mean([sum(p for _, p in example.posterior[: layout.k]) for example in test])
    figures = {"valid": np.mean([j.valid for j in judged]), "coverage": covered.mean(), "attainable": best}
    truths = [dict(example.posterior) for example in test]
    mass = [
        sum(truth.get(a, 0.0) for a in j.answers) if j.valid else 0.0 for j, truth in zip(judged, truths, strict=True)
    ]
    figures |= {"share": covered.mean() / best, "share_expected": np.mean(mass) / best}
    if layout.confidences:
        figures |= _calibration([(j, truth) for j, truth in zip(judged, truths, strict=True) if j.valid])
    return {name: round(float(value), 5) for name, value in figures.items()} | {"covered": covered}


def _calibration(judged: Sequence[tuple[Any, dict[str, float]]]) -> dict[str, float]:
    """Brier over valid sets, its excess over the posterior's on the same sets, and ECE with 15 equal-mass bins."""
    q = np.array([j.confidences for j, _ in judged])
    h = np.array([j.hits for j, _ in judged], dtype=float)
    p = np.array([[truth.get(answer, 0.0) for answer in j.answers] for j, truth in judged])
    order = np.argsort(q, axis=None, kind="stable")
    bins = np.array_split(order, 15)
    ece, expected = (sum(abs(q.flat[b].mean() - t.flat[b].mean()) * len(b) for b in bins) / q.size for t in (h, p))
    brier, posterior = ((q - h) ** 2).mean(), ((p - h) ** 2).mean()
    return {
        "brier": brier,
        "brier_excess": brier - posterior,
        "brier_excess_expected": ((q - p) ** 2).mean(),
        "ece": ece,
        "ece_expected": expected,
    }


def measure(seed: int, methods: Sequence[str], train: dict[str, Any], kept: Path | None) -> dict[str, Any]:
    """Warm start and every method of one seed; the warm start is kept in `kept`, or taken from there."""
    params = make_params(seed, methods, train)
    prepared = DOMAIN.load(params.domain, seed)  # type: ignore[arg-type]
    questions = prepared.splits["train"]
    with tempfile.TemporaryDirectory() as folder:
        weights = (kept or Path(folder)) / f"warmstart-{seed}"
        if not weights.exists():
            _warm_start(params, questions[: -params.train.held_out], prepared.vocabulary, weights)
        result: dict[str, Any] = {"warmstart": json.loads((weights / "record.json").read_text(encoding="utf-8"))}
        for name in methods:
            result[name] = measure_method(name, weights, questions, prepared.splits["test"], params)
    return result


def _warm_start(params: Params, examples: Sequence[Example], vocabulary: Sequence[str] | None, weights: Path) -> None:
    """Make a policy and warm it up; weights, tokenizer and the seconds of each part go to `weights`."""
    texts = (text for e in examples for text in (e.question, e.gold[0][0]))
    tokenizer = build_tokenizer(texts, params.model.vocab_size)
    model = build_model(params.model, tokenizer, params.seed)
    layouts = [method.layout(params.k) for method in METHODS.values()]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        record = warm_start(
            model, tokenizer, examples, vocabulary, params.warmstart, layouts, "", params.seed, Path(scratch)
        )
    record = {"seconds": time.perf_counter() - began} | record
    model.save_pretrained(weights)
    tokenizer.save_pretrained(weights)
    rounded = {name: round(value, 1) for name, value in record.items()}
    (weights / "record.json").write_text(json.dumps(rounded), encoding="utf-8")


def measure_method(
    name: str, weights: Path, questions: Sequence[Example], test: Sequence[Example], params: Params
) -> dict[str, Any]:
    """Train one method from the warm start in `weights` on the training split; figures before and after."""
    layout = METHODS[name].layout(params.k)
    before = evaluate(*load_policy(weights), test, layout, params.seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        trained = train_method(params, name, weights, questions, Path(folder), None)
        seconds = round(time.perf_counter() - began, 1)
        after = evaluate(*load_policy(trained.weights), test, layout, params.seed)
    gain = after.pop("covered") - before.pop("covered")
    low, high = np.percentile(np.random.default_rng(0).choice(gain, (2000, len(gain))).mean(axis=1), [2.5, 97.5])
    gains = {"gain": gain.mean(), "gain_lo": low, "gain_hi": high}
    after |= {key: round(float(value), 5) for key, value in gains.items()}
    return after | {"seconds": seconds, "steps": trained.steps, "best_step": trained.best_step, "before": before}


def summarise(seeds: Sequence[dict[str, Any]], methods: Sequence[str]) -> dict[str, Any]:
    """Mean and 95% interval over seeds of every figure."""
    summary: dict[str, Any] = {}
    for name in methods:
        rows = [seed[name] for seed in seeds]
        for key in [key for key, value in rows[0].items() if isinstance(value, float)]:
            mean, low, high = mean_over_seeds([row[key] for row in rows])
            interval = None if low is None or high is None else [round(low, 4), round(high, 4)]
            summary.setdefault(name, {})[key] = {"mean": round(mean, 4), "interval": interval}
    return summary


def main() -> None:
    """Measure all seeds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--train", type=json.loads, default={}, help="params of the section `train`, as JSON")
    parser.add_argument("--weights", type=Path, help="folder to keep warm starts in, and to take them from")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    seeds = [measure(seed, args.methods, args.train, args.weights) for seed in args.seeds]
    print(json.dumps({"seeds": dict(zip(args.seeds, seeds, strict=True)), "summary": summarise(seeds, args.methods)}))


if __name__ == "__main__":
    main()
