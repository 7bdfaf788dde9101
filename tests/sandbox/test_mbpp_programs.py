"""MBPP's own solutions on its own tests: all pass, and none passes once it returns a wrong value."""

from __future__ import annotations

import ast
import gzip
import json
import os
from pathlib import Path

import pytest

from setwise.sandbox import Job, Limits, Status, run_programs
from setwise.sandbox.names import plan_tests

ROOM = Limits(wall_seconds=100.0, cpu_seconds=60)
"""One solution (task 123) computes for seconds; a busy machine must not fail it."""

WRONG = """

def _wrong(value):
    try:
        return value + 1 if value + 1 != value else 0
    except TypeError:
        return [value, "wrong"]

def _wrongly(function):
    return lambda *args, **kwargs: _wrong(function(*args, **kwargs))

"""


def _rows(name: str) -> list[dict]:
    folder = os.environ.get("SETWISE_REAL_DATA")
    if not folder:
        pytest.skip("SETWISE_REAL_DATA is not set: MBPP's rows are not here")
    with gzip.open(Path(folder, name), "rt") as lines:
        return [json.loads(line) for line in lines]


def _not_passed(jobs: dict[int, Job]) -> dict[int, str]:
    results = run_programs(list(jobs.values()), ROOM)
    return {task: f"{r.status} {r.detail}" for task, r in zip(jobs, results, strict=True) if not r.passed}


def _functions_under_test(tests: list[str]) -> list[str]:
    names = plan_tests(tuple(tests), "").program_names
    calls = (node for test in tests for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call))
    return sorted({call.func.id for call in calls if isinstance(call.func, ast.Name)} & set(names))


def test_all_974_solutions_pass_their_tests():
    rows = _rows("mbpp_full.jsonl.gz")
    assert len(rows) == 974
    assert _not_passed({r["task_id"]: Job(r["code"], tuple(r["test_list"]), r["test_setup_code"]) for r in rows}) == {}


def test_all_427_sanitized_solutions_pass_their_tests():
    rows = _rows("mbpp_sanitized.jsonl.gz")
    assert len(rows) == 427
    jobs = {r["task_id"]: Job(r["code"], tuple(r["test_list"]), "\n".join(r["test_imports"])) for r in rows}
    assert _not_passed(jobs) == {}


def test_every_solution_that_returns_a_wrong_value_fails_at_once():
    jobs = []
    for row in _rows("mbpp_full.jsonl.gz"):
        wrapped = "".join(f"{name} = _wrongly({name})\n" for name in _functions_under_test(row["test_list"]))
        jobs.append(Job(row["code"] + WRONG + wrapped, tuple(row["test_list"]), row["test_setup_code"]))
    results = run_programs(jobs, ROOM)
    assert {(result.status, result.failed_test) for result in results} == {(Status.FAILED, 0)}


def test_solutions_that_answer_another_task_fail():
    rows = _rows("mbpp_sanitized.jsonl.gz")[:100]
    jobs = [
        Job(wrong["code"], tuple(row["test_list"]), "\n".join(row["test_imports"]))
        for row, wrong in zip(rows, rows[1:] + rows[:1], strict=True)
    ]
    assert {result.status for result in run_programs(jobs, ROOM)} == {Status.FAILED}
