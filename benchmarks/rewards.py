"""Speed of parsing, matching and rewards, as one JSON object. Run: `python benchmarks/rewards.py [--quick]`.

One process scores sets of K = 3 answers with confidences after 300 words of reasoning, 16 completions per question, all
parts of the reward and everything that is logged included. Math answers are judged by the process and its pool of
workers (one per core), 32 completions per question. Rates are by wall time (best and median of the repeats) and by
processor time (best), which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from setwise.answers import AnswerSet, Layout, Reason, parse, render
from setwise.answers.parse import MAX_BYTES
from setwise.matching.math_pool import math_pool
from setwise.rewards import rlcr_multi

LAYOUT = Layout(3, True)


def text_batch(n: int, rng: random.Random, per_question: int = 16) -> tuple[list[str], list[Any]]:
    """Completions that name two words per answer, nine of ten valid, and their gold with two aliases each."""
    words = [f"{rng.choice('bcdfglmnprst')}{rng.choice('aeiou')}{i}" for i in range(5000)]
    completions, golds = [], []
    for _ in range(n // per_question):
        names = [f"{rng.choice(words)} {rng.choice(words)}".title() for _ in range(8)]
        for _ in range(per_question):
            golds.append([[names[0], names[1]], [names[2], names[3]]])
            answers = tuple(rng.sample(names, 3))
            confidences = tuple(round(rng.random(), 2) for _ in range(3))
            text = render(AnswerSet(answers, confidences, " ".join(rng.choices(words, k=300))), LAYOUT)
            completions.append(text if rng.random() < 0.9 else text.replace("</answer2>", "", 1))
    return completions, golds


def math_question(rng: random.Random) -> tuple[str, list[str]]:
    """A gold answer and eight answers people give: half right in other spellings, half wrong."""
    a, b, c = rng.randint(2, 99), rng.randint(2, 99), rng.randint(2, 9)
    root = f"\\sqrt{{{a}}}"
    kinds = [
        f"{a} ; ${a}$ ; \\boxed{{{a}}} ; {a}.0 ; x = {a} ; {a + 1} ; -{a} ; {a}.5 ; {a}{b}",
        f"\\frac{{{a}}}{{{b}}} ; {a}/{b} ; ${a}/{b}$ ; {2 * a}/{2 * b} ; \\frac{{{3 * a}}}{{{3 * b}}} ; {b}/{a} ; {a}"
        f" ; \\frac{{{a}}}{{{b + 1}}} ; -{a}/{b}",
        f"x^{c}+{a} ; {a}+x^{c} ; $x^{c} + {a}$ ; x^{{{c}}}+{a} ; x**{c} + {a} ; x^{c}-{a} ; {a}x^{c} ; x^{c + 1}+{a}"
        f" ; {c}x+{a}",
        f"{c}{root} ; {c}*sqrt({a}) ; \\sqrt{{{c * c * a}}} ; {c}√{a} ; ${c}{root}$ ; \\sqrt{{{c * a}}} ; {c * a}"
        f" ; \\frac{{{root}}}{{{c}}} ; {c}+{root}",
    ]
    gold, *answers = rng.choice(kinds).split(" ; ")
    return gold, answers


def math_batch(n: int, rng: random.Random, per_question: int = 32) -> tuple[list[str], list[Any]]:
    """Completions with three of the eight answers of their question."""
    completions, golds = [], []
    for _ in range(n // per_question):
        gold, answers = math_question(rng)
        for _ in range(per_question):
            confidences = tuple(round(rng.random(), 2) for _ in range(3))
            completions.append(render(AnswerSet(tuple(rng.sample(answers, 3)), confidences, "so " * 300), LAYOUT))
            golds.append([gold])
    return completions, golds


def score(completions: list[str], golds: list[Any], match: str) -> tuple[float, float]:
    """Seconds by the wall and by the processor to score the batch, with everything that is logged."""
    logged: dict[str, Any] = {}
    columns = {"gold": golds, "match": [match] * len(golds), "exclusive": [False] * len(golds)}
    started, busy = time.perf_counter(), time.process_time()
    rlcr_multi(completions, completions, log_metric=logged.__setitem__, log_extra=logged.__setitem__, **columns)
    return time.perf_counter() - started, time.process_time() - busy


def rates(n: int, batches: Callable[[], tuple[list[str], list[Any]]], match: str, repeats: int) -> dict[str, float]:
    """Completions a second over fresh batches of `n`."""
    seconds = [score(*batches(), match) for _ in range(repeats)]
    wall, busy = zip(*seconds, strict=True)
    return {
        "best": round(n / min(wall)),
        "median": round(n / statistics.median(wall)),
        "best_by_processor": round(n / min(busy)),
    }


HOSTILE = {
    "open brackets": "<think></think><answer1>" + "<" * MAX_BYTES,
    "half tags": "<think></think><answer1>" + "<answer" * (MAX_BYTES // 8) + "</answer1>",
    "many answers": "<think></think>" + "<answer1>x</answer1>" * (MAX_BYTES // 21),
    "a long number": "<think></think><answer" + "1" * (MAX_BYTES - 40) + ">",
    "a long confidence": "<think></think><answer1>x</answer1><confidence1>0." + "1" * (MAX_BYTES - 100),
    "spaces": " " * (MAX_BYTES - 10) + "x",
    "two-byte letters": "<think>" + "é" * (MAX_BYTES // 2 - 20) + "</think>",
    "one megabyte of tags": "<think></think>" + "<answer1>" * (1_000_000 // 9),
    "one megabyte of two-byte letters": "é" * 500_000,
}


def hostile_milliseconds() -> dict[str, float]:
    """The longest of five parses of each hostile text."""
    found = {}
    for name, text in HOSTILE.items():
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            assert isinstance(parse(text, LAYOUT), Reason)
            seconds.append(time.perf_counter() - started)
        found[name] = round(max(seconds) * 1000, 2)
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller batches, for a look")
    quick = parser.parse_args().quick
    rng = random.Random(0)
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000)
    text = {str(n): rates(n, lambda n=n: text_batch(n, rng), "text", 3 if n > 10_000 else 7) for n in sizes}  # type: ignore[misc]
    math_pool().check([("x", "y")] * math_pool().size)
    math_n = 3_200 if quick else 20_000
    fresh = math_batch(math_n, rng)
    first, _ = score(*fresh, "math")
    again, _ = score([completion + " " for completion in fresh[0]], fresh[1], "math")
    by = "best_by_processor"
    print(
        json.dumps(
            {
                "python": platform.python_version(),
                "cores": len(os.sched_getaffinity(0)),
                "text_completions_per_second": text,
                "text_rate_largest_over_smallest": round(text[str(sizes[-1])][by] / text["1000"][by], 2),
                "math_completions": math_n,
                "math_workers": math_pool().size,
                "math_completions_per_second": round(math_n / first),
                "math_completions_per_second_pairs_known": round(math_n / again),
                "hostile_parse_milliseconds": hostile_milliseconds(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
