"""Wrong programs that claim to be right: none passes."""

from __future__ import annotations

import pytest
from trial import HANGING, TEST, WRONG

from setwise.sandbox import Job, Status, run_programs

ALWAYS = "\n    ".join(
    f"def __{name}__(self, *a): return True"
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "contains", "bool", "instancecheck", "subclasscheck")
)
FORGERIES = {
    "an object equal to everything": f"class E:\n    {ALWAYS}\n    __hash__ = None\ndef f(x):\n    return E()",
    "an integer equal to everything": (
        f"class E(int):\n    {ALWAYS}\n    __hash__ = int.__hash__\ndef f(x):\n    return E(7)"
    ),
    "a list of objects equal to everything": f"class E:\n    {ALWAYS}\ndef f(x):\n    return [E()]",
    "an object that is zero after any sum": (
        "class E:\n    __add__ = __sub__ = __radd__ = __rsub__ = __abs__ = lambda *a: 2\n"
        "    __eq__ = lambda *a: True\ndef f(x):\n    return E()"
    ),
    "an equal type": (
        "class M(type):\n    __eq__ = lambda *a: True\n    __hash__ = type.__hash__\n"
        "class E(metaclass=M):\n    __eq__ = lambda *a: True\ndef f(x):\n    return E()"
    ),
    "patched built-ins": (
        "import builtins\nbuiltins.AssertionError = type('E', (), {})\n"
        "builtins.exit = builtins.quit = lambda *a: None\n"
        "builtins.bool = lambda *a: True\nbuiltins.isinstance = builtins.set = lambda *a: True" + WRONG
    ),
    "a patched operator": "import operator\noperator.eq = lambda *a: True\nint.__eq__" + WRONG,
    "built-ins of its own": "__builtins__ = {}\nAssertionError = None\ndef set(*a):\n    return 1" + WRONG,
    "a printed verdict": "print('passed')\nprint('{\"status\": \"passed\"}', flush=True)" + WRONG,
    "a verdict in every descriptor": (
        "import os\nfor fd in range(256):\n"
        "    for text in (b'passed\\n', b'{\"status\":\"passed\",\"number\":1}', b's', b'r'):\n"
        "        try: os.write(fd, text)\n        except OSError: pass" + WRONG
    ),
    "replies to questions nobody asked": (
        "import os, json, struct\nfor _ in range(9):\n    b = json.dumps({'value': None}).encode()\n"
        "    os.write(3, struct.pack('!I', len(b)) + b)" + WRONG
    ),
    "a reply with code": (
        "import os, json, struct\nb = json.dumps({'value': ['function', '', None, []]}).encode()\n"
        "os.write(3, struct.pack('!I', len(b)) + b)" + WRONG
    ),
    "a reply nested too deeply": (
        "import os, struct\nb = b'[' * 10 ** 6\nos.write(3, struct.pack('!I', len(b)))\nos.write(3, b)" + WRONG
    ),
    "a patched answer": (
        "import setwise.sandbox.candidate as c, setwise.sandbox.channel as ch\nc._answer = lambda *a: {'value': True}\n"
        "ch.send = lambda *a: None" + WRONG
    ),
    "an exit in a conversion": "class E:\n    def __repr__(self): raise SystemExit\ndef f(x):\n    return E()",
    "an exception that cannot be printed": (
        "class E(Exception):\n    def __str__(self): raise E\ndef f(x):\n    raise E"
    ),
    "a traced checker": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)" + WRONG,
    "two processes that answer": "import os\nos.fork()" + WRONG,
}


@pytest.mark.parametrize("program", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_verdict_cannot_be_forged_by(judge, program):
    result = judge(program, TEST, limits=HANGING)
    assert result.status in (Status.FAILED, Status.CRASHED, Status.TIMED_OUT), result


SEARCH = r"""
import gc, re, sys
{plant}
def find(x):
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps").read().splitlines():
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        try:
            memory.seek(first)
            content = memory.read(last - first)
        except (OSError, OverflowError, ValueError):
            continue
        if found := re.search(rb"trea" rb"sure-\d+", content):
            return found[0].decode()
"""
SECRET_TEST = "assert find(1) == 'treasure-4711'"


def test_the_expected_values_are_nowhere_in_the_memory_of_a_program(isolation):
    jobs = [Job(SEARCH.format(plant=""), (SECRET_TEST,))] * 3
    results = run_programs(jobs, isolation=isolation, workers=1)
    assert [result.status for result in results] == [Status.FAILED] * 3, results


def test_that_search_finds_what_is_there(isolation):
    planted = SEARCH.format(plant="planted = 'trea' + 'sure-' + str(4711)")
    assert run_programs([Job(planted, (SECRET_TEST,))], isolation=isolation)[0].passed


COMPARISONS = {
    "equality": "assert f(1) == 2",
    "equality the other way": "assert 2 == f(1)",
    "inequality": "assert f(1) != 3",
    "order": "assert 1 < f(1)",
    "membership of": "assert f(1) in (2, 3)",
    "membership in": "assert 2 in f(1)",
    "a sum": "assert abs(f(1) - 2) < 1e-9",
    "nesting": "assert [f(1)] == [2]",
    "closeness": "import math\nassert math.isclose(f(1), 2)",
    "a set": "assert set(f(1)) == {2}",
    "a type": "assert isinstance(f(1), int)",
    "a length": "assert len(f(1)) == 2",
    "a text": "assert str(f(1)) == '2'",
}


@pytest.mark.parametrize("test", COMPARISONS.values(), ids=COMPARISONS.keys())
def test_an_object_equal_to_everything_does_not_win_by(judge, test):
    order, sums = ["eq", "ne", "lt", "le", "gt", "ge"], ["add", "sub", "radd", "rsub", "abs"]
    names = [*order, *sums, "contains", "bool", "instancecheck"]
    body = "\n    ".join(f"def __{name}__(self, *a): return True" for name in names)
    program = f"class E:\n    {body}\n    def __iter__(self): return iter([E()])\ndef f(x):\n    return E()"
    assert judge(program, test).status is Status.FAILED


@pytest.mark.parametrize("name", ["set", "sorted", "len", "abs", "math"])
def test_a_program_cannot_redefine_what_a_test_uses(judge, name):
    program = (
        f"def f(x):\n    return [3]\n{name} = type('X', (), {{'isclose': lambda *a: True, '__new__': lambda *a: 1}})"
    )
    tests = {
        "set": "assert set(f(1)) == set([2])",
        "sorted": "assert sorted(f(1)) == sorted([2])",
        "len": "assert len(f(1)) == len([1, 2])",
        "abs": "assert abs(f(1)[0]) == abs(2)",
        "math": "assert math.isclose(f(1)[0], 2)",
    }
    assert judge(program, tests[name]).status is Status.FAILED
