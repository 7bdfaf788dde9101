"""How many short programs a second the sandbox judges, by the number of cores. Prints one JSON object.

Run as `python benchmarks/sandbox.py [--programs N] [--isolation NAME]`. Programs are of the length and kind of MBPP's
solutions with three tests each; a third of them are wrong. Every figure is over programs whose verdict is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time

from setwise.sandbox import Isolation, Job, Limits, Status, detect_isolation, run_programs

PROGRAM = """
import re
from collections import Counter

def most_common_words(text, count):
    words = re.findall(r"[a-z]+", text.lower())
    ranked = sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0]))
    return [word for word, _ in ranked[:count + {error}]]
"""
TESTS = (
    "assert most_common_words('a b a', 1) == ['a']",
    "assert most_common_words('The cat, the dog, THE bird', 2) == ['the', 'bird']",
    "assert set(most_common_words('x y z', 3)) == {'x', 'y', 'z'}",
)


def main() -> None:
    """Measure with 1, 2, … workers on as many cores, three times each, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("--isolation", default="auto")
    options = parser.parse_args()
    isolation = detect_isolation(options.isolation)
    cores = sorted(os.sched_getaffinity(0))
    jobs = [Job(PROGRAM.format(error=int(i % 3 == 0)), TESTS) for i in range(options.programs)]
    expected = [Status.FAILED if i % 3 == 0 else Status.PASSED for i in range(options.programs)]
    rates: dict[str, float] = {}
    for count in (n for n in (1, 2, 4, 8, 16, 32) if n <= len(cores)):
        os.sched_setaffinity(0, cores[:count])
        limits = Limits(wall_seconds=10.0 + count)  # workers of its own, started on these cores
        run_programs(jobs[:count], limits, isolation, workers=count)
        rates[str(count)] = round(
            statistics.median(_rate(jobs, expected, limits, isolation, count) for _ in range(3)), 1
        )
    result = {
        "benchmark": "sandbox",
        "isolation": str(isolation),
        "programs": options.programs,
        "programs_per_second_by_cores": rates,
        "load_average_before": round(LOAD, 2),
        "user": "root" if os.geteuid() == 0 else "unprivileged",
        "machine": f"{os.cpu_count()} × {platform.machine()}, Linux {platform.release()}",
        "python": platform.python_version(),
    }
    print(json.dumps(result))


def _rate(jobs: list[Job], expected: list[Status], limits: Limits, isolation: Isolation, workers: int) -> float:
    start = time.perf_counter()
    results = run_programs(jobs, limits, isolation, workers)
    seconds = time.perf_counter() - start
    assert [result.status for result in results] == expected
    return len(jobs) / seconds


LOAD = os.getloadavg()[0]

if __name__ == "__main__":
    main()
