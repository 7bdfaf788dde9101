"""MBPP: short Python tasks whose answer is any program that passes the tests; full and sanitized, official splits."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from setwise.domains.base import Domain, Example, Expectation, Prepared, question_content
from setwise.domains.splits import Dropped, SplitParams, load_splits
from setwise.errors import InputError
from setwise.matching.program import canonical_program
from setwise.sources import Rows, read_list, read_text

_COLUMNS = ("task_id", "code", "test_list")
_REMEDY = "use the rows of MBPP, full or sanitized"
_TESTS_FOLLOW = "\nThe program must pass:\n"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TRAIN_TASKS, _TEST_TASKS = range(601, 975), range(11, 511)


class MbppParams(SplitParams):
    """Params of `mbpp`.

    Train is the tasks 601-974 and test the tasks 11-510, as the authors split them; `test: null` takes both from the
    rows of `train`. Rows of the other tasks are dropped and counted, and so are those of train whose text or program
    is that of a test task.

    Attributes:
        shown_tests: how many tests the prompt shows (null: all). One says the function's name and signature and leaves
            the others to judge the program.
    """

    name: Literal["mbpp"] = "mbpp"
    shown_tests: int | None = Field(default=1, ge=1)


class Mbpp(Domain):
    """The domain. Gold is the reference program, and any other that passes the tests is as right. Not exclusive."""

    name: ClassVar[str] = "mbpp"
    match: ClassVar[str] = "code"
    instruction: ClassVar[str] = "Write a Python program that does the task and passes the tests."
    Params = MbppParams

    def exclusive(self, params: object) -> bool:
        """Never: many programs pass."""
        return False

    def content(self, example: Example) -> str:
        """The task: two of them may show the same prompt."""
        return f"task {example.columns.get('task_id')}"

    def leak_keys(self, example: Example) -> Sequence[str]:
        """The task's text, whatever tests are shown with it, and its reference program in canonical form."""
        text = question_content(example.question.partition(_TESTS_FOLLOW)[0])
        with warnings.catch_warnings(action="ignore"):  # invalid escapes in the reference programs
            program = canonical_program(_program(example)) or _program(example)
        return (f"text {text}", f"program {program}")

    def load(self, params: MbppParams, seed: int) -> Prepared:
        """Load the official splits."""

        def make(rows: Rows, index: int, split: str) -> Example | Dropped:
            return _make_example(rows, index, _TEST_TASKS if split == "test" else _TRAIN_TASKS, params.shown_tests)

        both = params if params.test is not None else params.model_copy(update={"test": params.train})
        return load_splits(self, both, seed, make, _COLUMNS, _REMEDY)

    def expectations(self) -> Sequence[Expectation]:
        """There are tests; tests, set-up and reference program are Python; every test asserts something and uses the
        program, which the prompt does not give away; the task is numbered.
        """
        return (
            Expectation("has_tests", "tests", lambda example: bool(example.tests)),
            Expectation("tests_assert", "tests", lambda example: all(map(_asserts, example.tests))),
            Expectation("tests_use_the_program", "tests", _uses_the_program),
            Expectation("program_not_in_prompt", "question", lambda e: _words(_program(e)) not in _words(e.question)),
            Expectation("task_is_numbered", "columns", lambda example: isinstance(example.columns.get("task_id"), int)),
            Expectation("setup_is_python", "setup", lambda example: _parse(example.setup) is not None),
            Expectation("program_is_python", "gold", lambda example: _parse(_program(example)) is not None),
        )


DOMAIN = Mbpp()


def _make_example(rows: Rows, index: int, tasks: range, shown_tests: int | None) -> Example | Dropped:
    row, place = rows.rows[index], rows.place(index)
    task = _task_id(row["task_id"], place)
    if task not in tasks:
        return Dropped("a task of another official split")
    tests = tuple(read_text(test, "test_list", place) for test in read_list(row["test_list"], "test_list", place))
    if not tests:
        raise InputError(f"{place}: test_list is empty; mend or remove the row")
    setup = _setup(row, place)
    shown = "\n".join([setup, *tests[:shown_tests]]).strip()
    column = "prompt" if "prompt" in row else "text"
    return Example(
        domain="mbpp",
        question=f"{read_text(row.get(column), column, place)}{_TESTS_FOLLOW}{shown}",
        gold=((read_text(row["code"], "code", place),),),
        match="code",
        exclusive=False,
        source={"dataset": "mbpp", "file": rows.name, "row": index + 1},
        tests=tests,
        setup=setup,
        columns={"task_id": task},
    )


def _setup(row: Mapping[str, Any], place: str) -> str:
    """`test_imports` of the sanitized rows or `test_setup_code` of the full ones; empty where there is none."""
    imports = read_list(row.get("test_imports") or [], "test_imports", place)
    lines = [read_text(line, "test_imports", place) for line in imports]
    if row.get("test_setup_code"):
        lines.append(read_text(row["test_setup_code"], "test_setup_code", place))
    return "\n".join(lines)


def _task_id(value: object, place: str) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or len(str(value)) > 18:
        raise InputError(f"{place}: task_id {value!r:.40} is no task number; mend or remove the row")
    return int(str(value))


def _parse(source: str) -> ast.Module | None:
    with warnings.catch_warnings(action="ignore"):
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None


def _asserts(test: str) -> bool:
    tree = _parse(test)
    return tree is not None and any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def _uses_the_program(example: Example) -> bool:
    """Whether every test uses a name that the reference program defines."""
    program = _parse(_program(example))
    defined = {node.name for node in program.body if isinstance(node, _DEFINITIONS)} if program else set()
    tests = [_parse(test) or ast.Module([], []) for test in example.tests]
    return all(any(isinstance(n, ast.Name) and n.id in defined for n in ast.walk(test)) for test in tests)


def _program(example: Example) -> str:
    """The reference program; empty where a damaged row has none."""
    return next((program for answer in example.gold for program in answer), "")


def _words(text: str) -> str:
    return " ".join(text.split())
