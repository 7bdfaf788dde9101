"""Measure the metrics: time and peak memory of `summarise`, and of the bootstrap alone. Prints one JSON object.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/metrics.py

Stores of random answers are made first (not timed). Each figure is measured in a process of its own, so that its peak
memory is its own. The judged sets are unions of single answers with confidences, the dearest protocol.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from setwise.answers import Layout
from setwise.domains import Example
from setwise.engines import Sampling
from setwise.evaluation import Protocol, StoreKey, gold_digest, summarise, text_digest
from setwise.evaluation.generate import PART_ROWS
from setwise.evaluation.store import VERDICTS, question_id, write_rows
from setwise.metrics.bootstrap import intervals

NAMES = tuple(f"disease {i}" for i in range(20))
WORDS = tuple(f"word{i}" for i in range(300))


def make_examples(n: int) -> list[Example]:
    """Exclusive questions over twenty answers."""
    rng = np.random.default_rng(0)
    truths = np.sort(rng.dirichlet(np.full(len(NAMES), 0.3), size=n), axis=1)[:, ::-1]
    posteriors = [tuple(zip(NAMES, truth.tolist(), strict=True)) for truth in truths]
    return [
        Example("clinic", f"question {i}", ((NAMES[0],),), "exact", True, {}, posterior=posterior)
        for i, posterior in enumerate(posteriors)
    ]


def make_tables(examples: list[Example], generations: int) -> Iterator[pa.Table]:
    """Random judged answers: texts of 80 words, one in twenty invalid."""
    rng = np.random.default_rng(1)
    pool = pa.array([f"<think> {' '.join(rng.choice(WORDS, 80))} </think> <answer> a </answer>" for _ in range(2000)])
    keys = pa.array(["gold:0", *(f"text:{name}" for name in NAMES[1:])])
    per_group = max(1, PART_ROWS // generations)
    for start in range(0, len(examples), per_group):
        batch = examples[start : start + per_group]
        n = len(batch) * generations
        weights = 0.8 ** np.arange(len(NAMES))
        chosen = rng.choice(len(NAMES), size=n, p=weights / weights.sum())
        truth = np.array([[p for _, p in example.posterior] for example in batch]).repeat(generations, axis=0)
        invalid = rng.random(n) < 0.05
        stated = np.round(rng.random(n), 2)

        yield pa.table(
            {
                "question_id": np.repeat([question_id(example.question) for example in batch], generations),
                "generation_index": pa.array(np.tile(np.arange(generations), len(batch)), pa.int32()),
                "text": pool.take(pa.array(rng.integers(len(pool), size=n))),
                "answers": _lists(pa.array(NAMES).take(pa.array(chosen)), ~invalid),
                "keys": _lists(keys.take(pa.array(chosen)), ~invalid),
                "hits": _lists(pa.array((chosen == 0).astype(np.int8)), ~invalid),
                "confidences": _lists(pa.array(stated), ~invalid),
                "posterior": _lists(pa.array(truth[np.arange(n), chosen]), ~invalid),
                "n_tokens": pa.array(rng.integers(80, 120, size=n), pa.int32()),
                "finished": pa.array(np.ones(n, dtype=bool)),
                "reason": pa.array(np.where(invalid, "unclosed", None).tolist(), pa.string()),
                "faults": pa.array([[]] * n, pa.list_(pa.string())),
            },
            schema=VERDICTS,
        )


def _lists(values: pa.Array, valid: np.ndarray) -> pa.Array:
    """One value in a list where valid, else an empty list."""
    ends = np.concatenate([[0], np.cumsum(valid)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values.filter(pa.array(valid)))


def write_store(path: Path, n_questions: int, generations: int) -> None:
    """An evaluation of random answers."""
    examples = make_examples(n_questions)
    protocol = Protocol(f"sample-{generations}", Layout(k=1, confidences=True), generations, union=True)
    asked = text_digest([example.question for example in examples])
    key = StoreKey("0", asked, asked, "rlcr_single", protocol, Sampling(n=generations))
    write_rows(path, key, make_tables(examples, generations), gold_digest(examples))


def measure_summary(path: Path, n_questions: int) -> dict[str, float]:
    """Seconds and peak memory of one report."""
    examples = make_examples(n_questions)
    before = _peak_mib()
    started = time.perf_counter()
    report = summarise(path, examples)
    seconds = time.perf_counter() - started
    figures = {"seconds": round(seconds, 2), "peak_mib": _peak_mib(), "peak_mib_before": before}
    return figures | {"metrics": len(report["metrics"]), "n_resamples": report["n_resamples"]}


def measure_bootstrap() -> dict[str, float]:
    """Seconds for 10,000 resamples of 2,000 questions × 20 ratio metrics, paired between two models."""
    rng = np.random.default_rng(0)
    columns = [rng.random((2000, 20)) for _ in range(4)]

    def differences(sums: Sequence[np.ndarray]) -> np.ndarray:
        found: np.ndarray = sums[2] / sums[3] - sums[0] / sums[1]
        return found

    started = time.perf_counter()
    intervals(columns, differences, n_resamples=10_000)
    return {"seconds": round(time.perf_counter() - started, 2), "metrics": 20, "n_resamples": 10_000}


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _alone(*arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, *arguments]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Measure everything, or with `--measure` one figure in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("STORE", "QUESTIONS"), help="one report, in this process")
    parser.add_argument("--bootstrap", action="store_true", help="the bootstrap alone, in this process")
    arguments = parser.parse_args()
    if arguments.bootstrap:
        print(json.dumps(measure_bootstrap()))
        return
    if arguments.measure:
        print(json.dumps(measure_summary(Path(arguments.measure[0]), int(arguments.measure[1]))))
        return
    sizes = {"base": (2000, 30), "more_generations": (2000, 300), "more_questions": (20_000, 30)}
    results: dict[str, object] = {"bootstrap": _alone("--bootstrap")}
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (n_questions, generations) in sizes.items():
            store = Path(folder, f"{name}.parquet")
            write_store(store, n_questions, generations)
            measured = _alone("--measure", str(store), str(n_questions))
            peaks[name] = measured["peak_mib"]
            results[name] = {"questions": n_questions, "generations": generations, **measured}
    for name in ("more_generations", "more_questions"):
        results[f"peak_ratio_{name}"] = round(peaks[name] / peaks["base"], 2)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
