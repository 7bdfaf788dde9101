"""Programs: one key for copies of a program, right if the tests pass, and never wrong without having been run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from setwise.answers import AnswerSet, Layout, Reason, render
from setwise.errors import InputError
from setwise.matching import Gold, judge
from setwise.matching.program import ProgramJob, canonical_program, match_programs, program_key, strip_fence

PROGRAM = '''
import math

def area(r, scale=1):
    """The area."""
    total = 0
    for i in range(3):
        total += math.pi * r ** 2 * scale
    shift = lambda x: x + total
    return [shift(y) for y in (1, 2) if y > 0], helper(r, k=2)

def helper(q, k):
    return q * k
'''
COPIES = {
    "variables": PROGRAM.replace("total", "summe").replace("r **", "R **").replace("(r,", "(R,"),
    "comments and blank lines": "# by me\n" + PROGRAM.replace("    total = 0\n", "\n\n    total = 0  # start\n\n"),
    "docstring": PROGRAM.replace('    """The area."""\n', ""),
    "quotes and space": PROGRAM.replace('"""The area."""', "'another'").replace("q * k", "( q*k )"),
    "annotations": PROGRAM.replace("area(r, scale=1):", "area(r: float, scale: int = 1) -> list:").replace(
        "total = 0", "n: int\n    total: float = 0"
    ),
    "pass": PROGRAM.replace("    return q * k", "    pass\n    return q * k\n    pass"),
    "a name that shadows another": PROGRAM.replace("lambda x: x + total", "lambda i: i + total"),
    "a helper and its parameters": PROGRAM.replace("helper", "times")
    .replace("k=2", "n=2")
    .replace("(q, k)", "(q, n)")
    .replace("q * k", "q * n"),
    "an import under another name": PROGRAM.replace("import math", "import math as m").replace("math.pi", "m.pi"),
    "line ends": PROGRAM.replace("\n", "\r\n"),
}
OTHERS = {
    "another constant": PROGRAM.replace("range(3)", "range(4)"),
    "another operator": PROGRAM.replace("q * k", "q + k"),
    "another variable": PROGRAM.replace("x + total", "x + r"),
    "another built-in": PROGRAM.replace("range(3)", "sorted(3)"),
    "another module": PROGRAM.replace("import math", "import cmath as math"),
    "another attribute": PROGRAM.replace("math.pi", "math.e"),
    "another order": PROGRAM.replace("(1, 2)", "(2, 1)"),
}  # fmt: skip


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_has_the_same_key(change: str) -> None:
    assert COPIES[change] != PROGRAM
    assert program_key(COPIES[change]) == program_key(PROGRAM)


@pytest.mark.parametrize("change", OTHERS)
def test_another_program_has_another_key(change: str) -> None:
    assert OTHERS[change] != PROGRAM
    assert program_key(OTHERS[change]) != program_key(PROGRAM)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1; y = 2; print(x)", "x = 1; y = 2; print(y)"),
        ("def f(x):\n def g(): return x\n return g", "def f(x):\n def g(): return y\n return g"),
        ("def f():\n n = 0\n def g():\n  nonlocal n\n  n = 1", "def f():\n n = 0\n def g():\n  n = 1"),
        ("n = 0\ndef g():\n global n\n n = 1", "n = 0\ndef g():\n n = 1"),
        ("class A:\n x = 1\n def f(self): return x", "class A:\n x = 1\n def f(x): return x"),
    ],
)
def test_names_are_resolved_as_python_does(one: str, other: str) -> None:
    assert canonical_program(one) != canonical_program(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n def g(x): return x\n return g(x)", "def f(a):\n def g(b): return b\n return g(a)"),
        ("def f():\n n = 0\n def g():\n  nonlocal n\n  n += 1", "def h():\n m = 0\n def g():\n  nonlocal m\n  m += 1"),
        ("try: f()\nexcept E as e: print(e)", "try: f()\nexcept E as error: print(error)"),
        ("match p:\n case {'a': b, **r}: print(b, r)", "match p:\n case {'a': x, **y}: print(x, y)"),
        ("with open(p) as f: f.read()", "with open(p) as g: g.read()"),
        ("print([y := x for x in l], y)", "print([b := a for a in l], b)"),
        ("class A:\n def f(self): return self.n", "class B:\n def f(this): return this.n"),
    ],
)
def test_renaming_is_seen_through_in_every_kind_of_scope(one: str, other: str) -> None:
    assert canonical_program(one) == canonical_program(other)


@pytest.mark.parametrize(
    "text", ["def f(:", "no program", "(" * 50_000, "x = " + "-" * 90_000 + "1", "a\0b", "x" * 10**6]
)
def test_what_is_no_program_is_told_without_a_crash(text: str) -> None:
    assert canonical_program(text) is None
    assert program_key(text).startswith("text:")


def test_a_fence_around_the_whole_program_does_not_count() -> None:
    assert strip_fence("```python\nx = 1\n```") == "x = 1"
    assert strip_fence("```\nx = 1\n```\n```\ny\n```") == "```\nx = 1\n```\n```\ny\n```"
    assert program_key("```py\nx = 1\n```") == program_key("y = 1")


class InThisProcess:
    """Runs programs that this file wrote, and keeps what it was asked to run."""

    def __init__(self) -> None:
        self.jobs: list[ProgramJob] = []

    def run(self, jobs: Sequence[ProgramJob]) -> list[str]:
        self.jobs += jobs
        return [self._run(job) for job in jobs]

    def _run(self, job: ProgramJob) -> str:
        names: dict[str, object] = {}
        if "endless" in job.program:
            return "timed_out"
        try:
            exec("\n".join([job.setup, job.program, *job.tests]), names)
        except AssertionError:
            return "failed"
        except Exception:  # noqa: BLE001 - whatever a program raises, it crashed
            return "crashed"
        return "passed"


SQUARE = Gold((), "code", tests=("assert square(3) == 9", "assert square(-1) == 1"))


def test_every_distinct_program_that_passes_is_right() -> None:
    answers = ("def square(n): return n * n", "def square(n): return n ** 2", "def square(n): return n + 6")
    found = match_programs([answers], [SQUARE], InThisProcess())[0]
    assert found.right == (1, 1, 0)
    assert len(set(found.keys)) == 3


def test_each_distinct_program_is_run_once_per_question_and_duplicates_never() -> None:
    runner = InThisProcess()
    one, two = "def square(n): return n * n", "def square(n): return n ** 2"
    match_programs([(one, two), (two, one), (one, one.replace("n", "m")), ("oops(", one)], [SQUARE] * 4, runner)
    assert sorted(job.program for job in runner.jobs) == sorted([one, two])


def test_the_same_program_is_run_again_for_another_question() -> None:
    runner = InThisProcess()
    other = Gold((), "code", tests=("assert square(2) == 5",), setup="import math")
    found = match_programs([("def square(n): return n * n",)] * 2, [SQUARE, other], runner)
    assert [row.right for row in found] == [(1,), (0,)]
    assert [job.setup for job in runner.jobs] == ["", "import math"]


def test_a_program_without_a_verdict_leaves_its_set_undecided() -> None:
    found = match_programs([("def square(n): endless()", "def square(n): return n * n")], [SQUARE], InThisProcess())[0]
    assert (found.right, found.faults) == ((0, 1), ("code_timed_out",))


def test_a_question_without_tests_is_an_error() -> None:
    with pytest.raises(InputError, match="has no tests"):
        match_programs([("x = 1",)], [Gold((), "code")], InThisProcess())


def test_without_a_sandbox_nothing_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setwise.sandbox", None)
    completion = render(AnswerSet(("def square(n): return n * n",)), Layout())
    with pytest.raises(InputError, match="the sandbox is not available"):
        judge(completion, SQUARE, Layout())


def test_copies_of_a_program_make_a_set_invalid() -> None:
    answers = ("def square(n): return n * n", "def square(value):\n    # squared\n    return value * value")
    found = judge(render(AnswerSet(answers), Layout(2)), SQUARE, Layout(2))
    assert (found.reason, found.hits) == (Reason.DUPLICATE, (0, 0))


def test_programs_are_judged_by_the_sandbox() -> None:
    answers = ("def square(n): return n * n", "def square(n): return n ** 2", "def square(n): return n + 6")
    found = judge(render(AnswerSet(answers), Layout(3)), SQUARE, Layout(3))
    assert (found.reason, found.hits, found.faults) == (None, (1, 1, 0), ())


@pytest.mark.parametrize(
    "answer",
    [
        "~~~\nx = 1\n~~~",
        "```python3\nx = 1\n```",
        "```Python\nx = 1\n```",
        "```py {.line-numbers}\nx = 1\n```",
        '``` {.python title="x"}\nx = 1\n```',
        "```c++\nx = 1\n```",
        "````\nx = 1\n````",
        "  ```python\n  x = 1\n  ```",
        "```python\r\nx = 1\r\n```\r\n",
        "```python\nx = 1",
        "```python\nx = 1```",
        "Here is the program:\n```python\nx = 1\n```\nIt sets x.",
        "`x = 1`",
        "```x = 1```",
    ],
)
def test_a_fence_of_any_form_is_taken_off(answer: str) -> None:
    assert strip_fence(answer) == "x = 1"


@pytest.mark.parametrize(
    "answer",
    [
        'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1',
        'x = """\n~~~\n1\n~~~\n"""',
        "```\nx = 1\n```\nor\n~~~\ny = 2\n~~~",
        "x = 1",
    ],
)
def test_what_is_no_single_fence_stays(answer: str) -> None:
    assert strip_fence(answer) == answer


def test_a_fence_keeps_a_shorter_one_inside() -> None:
    assert strip_fence("````\nx = '''\n```\n'''\n````") == "x = '''\n```\n'''"


@pytest.mark.parametrize(
    "answer",
    [
        "x = 1\n```",
        "x = 1\n```\nIt sets x to one.",
        "\ufeffx = 1",
        "\u200b```python\nx = 1\n```\u200b",
        "```python\nx = 1\n```\nOutput:\n```\n1\n```",
        "```bash\npip install it\n```\n```Python3\nx = 1\n```",
        "```python\nx = 1\n```\nOnce more:\n```python\nx = 1\n```",
        '```python title="pip.py"\nx = 1\n```\n~~~text\n1\n~~~',
    ],
)
def test_the_one_block_that_can_be_meant_is_the_program(answer: str) -> None:
    assert strip_fence(answer) == "x = 1"


def test_a_fence_in_the_docstring_of_a_fenced_program_ends_nothing() -> None:
    program = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1'
    assert strip_fence(f"```python\n{program}\n```") == program
    assert strip_fence("1. So:\n\n   ```python\n   x = 1\n   ```") == "x = 1"


@pytest.mark.parametrize("answer", ["```python\nx = 1\n```\n```python\ny = 2\n```", "```\nx = 1\n```\n```text\ny\n```"])
def test_of_several_blocks_that_can_be_meant_none_is_chosen(answer: str) -> None:
    assert strip_fence(answer) == answer


def test_two_programs_that_end_in_a_fence_are_two() -> None:
    assert program_key("x = 1\n```") != program_key("x = 2\n```")
