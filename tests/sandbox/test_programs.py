"""What honest programs get: the verdict that plain Python would give."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from setwise.errors import InputError
from setwise.sandbox import Isolation, Job, Limits, Status, detect_isolation, programs, run_program, run_programs

ADD = "def add(a, b):\n    return a + b\n"


def test_a_right_program_passes(judge):
    assert judge(ADD, "assert add(1, 2) == 3", "assert add('a', 'b') == 'ab'").passed


def test_a_wrong_program_fails_and_says_which_test_and_with_what(judge):
    result = judge(ADD, "assert add(1, 2) == 3", "assert add(2, 2) == 5")
    assert (result.status, result.failed_test) == (Status.FAILED, 1)
    assert "add(2, 2) == 5" in result.detail and "value: 4" in result.detail


def test_results_come_in_the_order_of_the_jobs(isolation):
    jobs = [Job(f"def f():\n    return {i}", ("assert f() % 3 == 0",)) for i in range(20)]
    passed = [result.passed for result in run_programs(jobs, isolation=isolation, workers=3)]
    assert passed == [i % 3 == 0 for i in range(20)]


def test_no_jobs_give_no_results():
    assert run_programs([]) == []


def test_the_result_says_which_isolation_it_had(judge, isolation):
    assert judge(ADD, "assert add(1, 2) == 3").isolation is isolation


PASSING = {
    "conversion": ("def f(x):\n    return (v for v in x)", "assert sorted(f([3, 1])) == [1, 3]"),
    "a set of values": ("def f(x):\n    return [2, 1, 2]", "assert set(f(0)) == {1, 2}"),
    "a module nobody imported": ("def f(x):\n    return x / 3", "assert math.isclose(f(1), 0.333333333, rel_tol=1e-6)"),
    "negation": ("def f(x):\n    return []", "assert not f(1)"),
    "truth": ("def f(x):\n    return 'yes'", "assert f(1)"),
    "a chain of comparisons": ("def f(x):\n    return x", "assert 0 < f(1) < 2 and f(2) in (2, 3)"),
    "tuples": ("def f(x):\n    return x, [x]", "assert (f(1), f(2)) == ((1, [1]), (2, [2]))"),
    "a loop": (ADD, "for a, b in [(1, 2), (3, 4)]:\n    assert add(a, b) == a + b"),
    "a checking function": (ADD, "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)"),
    "an expected exception": (
        "def f(x):\n    raise ValueError('no')",
        "try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'no'\nelse:\n    assert False",
    ),
    "an argument changed in place": ("def f(x):\n    x.sort()", "a = [3, 1]\nf(a)\nassert a == [1, 3]"),
    "functions as arguments": (
        "def f(g, x):\n    return g(x)",
        "assert f(lambda y: y + 1, 1) == 2 and f(len, [1]) == 1 and f(math.floor, 1.5) == 1 and f(str, 2) == '2'",
    ),
    "keyword arguments": ("def f(operation, self=0):\n    return self", "assert f(operation=1, self=2) == 2"),
    "classes of the program": (
        "class P:\n    def __init__(self, a): self.a = a\n"
        "    def __len__(self): return 3\n    def twice(self): return 2 * self.a",
        "p = P(2)\nassert p.a == 2 and len(p) == 3 and p.twice() == 4 and isinstance(p, P) and not isinstance(3, P)",
    ),
    "a named tuple": (
        "from collections import namedtuple\nT = namedtuple('T', 'a b')\ndef f(x):\n    return T(x, x)",
        "assert f(1) == (1, 1)",
    ),
    "a constant": ("answer = 42", "assert answer == 42"),
    "a name of Python's own under test": ("def sum(a, b):\n    return a * b", "assert sum(3, 4) == 12"),
    "Windows line ends": ("def f(x):\r\n    return x\r\n", "assert f(1) == 1"),
    "a dataclass": (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass D:\n    a: int",
        "assert D(3).a == 3",
    ),
    "a thread": (
        "import threading\ndef f(x):\n    out = []\n    t = threading.Thread(target=out.append, args=(x,))\n"
        "    t.start(); t.join()\n    return out",
        "assert f(1) == [1]",
    ),
    "writing to the temporary folder": (
        "def f(x):\n    open('/tmp/a', 'w').write(x)\n    return open('/tmp/a').read()",
        "assert f('hello') == 'hello'",
    ),
    "memory shared through a file": (
        "import mmap, os\nmmap.mmap(-1, 9, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "def f(x):\n    file = open('/tmp/a', 'w+b')\n    file.truncate(9)\n    block = mmap.mmap(file.fileno(), 9)\n"
        "    if os.fork() == 0:\n        block[0] = x\n        os._exit(0)\n    os.wait()\n    return block[0]",
        "assert f(7) == 7",
    ),
    "output": ("print('hello')\ndef f(x):\n    print(x)\n    return x", "assert f(1) == 1"),
    "input at its end": ("import sys\ntext = sys.stdin.read()", "assert text == ''"),
    "an iterator as an argument": ("def f(x):\n    return sum(x)", "assert f(map(int, ['1', '2'])) == 3"),
    "a generator as an argument": ("def f(x):\n    return next(x)", "assert f(i for i in range(3)) == 0"),
    "a view as an argument": (
        "def f(x):\n    return sum(x)",
        "assert f({1: 2}.values()) == 2 and f({1: 2}.keys()) < 2",
    ),
    "a view as a result": ("def f(x):\n    return {x: 1}.keys()", "assert f(3) == {3} and list(f(3)) == [3]"),
    "a built-in class": ("def f(x):\n    return type(x)", "assert f(1) == int and f('') is str and f(1) != str"),
    "an object that is not None": ("class P: pass\ndef f():\n    return P()", "assert f() != None and f() is not None"),
    "an exception's base": (
        "import json\ndef f(x):\n    return json.loads(x)",
        "try:\n    f('{')\n    assert False, 'none'\n"
        "except ValueError as e:\n    assert type(e).__name__ == 'JSONDecodeError'",
    ),
    "the base of an exception of its own": (
        "class E(KeyError): pass\ndef f(x):\n    raise E(x)",
        "try:\n    f('k')\n    assert False, 'none'\nexcept LookupError:\n    pass",
    ),
    "times with a zone": (
        "from datetime import *\ndef f(x):\n    return x + timedelta(hours=1)",
        "from datetime import datetime, timezone\n"
        "assert f(datetime(2020, 1, 1, tzinfo=timezone.utc)) == datetime(2020, 1, 1, 1, tzinfo=timezone.utc)",
    ),
    "very long integers": ("def f(x):\n    return 10 ** 10000", "assert f(1) == 10 ** 10000"),
}


@pytest.mark.parametrize(("program", "test"), PASSING.values(), ids=PASSING.keys())
def test_a_right_program_passes_with(judge, program, test):
    result = judge(program, test)
    assert result.passed, result.detail


FAILING = {
    "conversion": ("def f(x):\n    return (v for v in x)", "assert sorted(f([3, 1])) == [3, 1]"),
    "an unconverted generator": ("def f(x):\n    return (v for v in x)", "assert f([3, 1]) == [3, 1]"),
    "negation": ("def f(x):\n    return [0]", "assert not f(1)"),
    "truth": ("def f(x):\n    return ''", "assert f(1)"),
    "a checking function": (ADD, "def check(candidate):\n    assert candidate(1, 2) == 4\n\ncheck(add)"),
    "an expected exception": (
        "def f(x):\n    return 1",
        "try:\n    f(1)\nexcept ValueError:\n    pass\nelse:\n    assert False",
    ),
    "a list for a tuple": ("def f(x):\n    return [1]", "assert f(1) == (1,)"),
    "nothing defined": ("x = 1", "assert f(1) == 1"),
    "an exception": ("def f(x):\n    return x / 0", "assert f(1) == 1"),
    "an exception of its own": ("class E(Exception): pass\ndef f(x):\n    raise E('no')", "assert f(1) == 1"),
    "a value that contains itself": ("def f(x):\n    a = []\n    a.append(a)\n    return a", "assert f(1) == []"),
}


@pytest.mark.parametrize(("program", "test"), FAILING.values(), ids=FAILING.keys())
def test_a_wrong_program_fails_with(judge, program, test):
    result = judge(program, test)
    assert (result.status, result.failed_test) == (Status.FAILED, 0), result.detail


def test_a_program_that_cannot_be_compiled_crashes(judge):
    result = judge("def f(x:\n  return", "assert f(1) == 1")
    assert result.status is Status.CRASHED and "SyntaxError" in result.detail


def test_an_exception_in_the_program_itself_is_a_crash(judge):
    result = judge("raise KeyError('k')", "assert f(1) == 1")
    assert result.status is Status.CRASHED and "KeyError" in result.detail


def test_set_up_is_run_before_the_program(judge):
    assert judge("def f(x):\n    return math.sqrt(x) + K", "assert f(4) == 3", setup="import math\nK = 1").passed


def test_set_up_that_needs_the_program_is_run_after_it(judge):
    program = "class Node:\n    def __init__(self, v): self.v, self.left = v, None\ndef left(n):\n    return n.left.v"
    setup = "root = Node(1)\r\nroot.left = Node(2)"
    assert judge(program, "assert left(root) == 2", setup=setup).passed


def test_classes_of_the_set_up_are_shared_with_the_program(judge):
    setup = "class Node:\n    def __init__(self, v):\n        self.v = v"
    assert judge("def value(n):\n    return n.v", "assert value(Node(7)) == 7", setup=setup).passed


@pytest.mark.parametrize(
    ("tests", "setup"),
    [((), ""), (("assert f(1) ==",), ""), (("assert f(1) == 1",), "import no_such_module"), (("import numpy",), "")],
    ids=["no tests", "tests are no Python", "set-up imports what is not here", "a test imports what is not here"],
)
def test_what_cannot_be_judged_is_refused(isolation, tests, setup):
    result = run_programs([Job("def f(x):\n    return 1", tests, setup)], isolation=isolation)[0]
    assert result.status is Status.REFUSED and result.detail


INEXPRESSIBLE = {
    "an object of the test's": ("def f(x):\n    return 1", "assert f(object()) == 1", "cannot be sent"),
    "behind an except of the test's": (
        "def f(x):\n    return 1",
        "try:\n    f(object())\nexcept Exception:\n    pass",
        "cannot be sent",
    ),
    "an endless iterator": (
        "def f(x):\n    return next(x)",
        "import itertools\nassert f(itertools.count()) == 0",
        "sent",
    ),
    "an exception class of the program's": (
        "class E(Exception): pass\ndef f():\n    raise E('x')",
        "try:\n    f()\nexcept E:\n    pass",
        "catching classes",
    ),
}


@pytest.mark.parametrize(("program", "test", "reason"), INEXPRESSIBLE.values(), ids=INEXPRESSIBLE.keys())
def test_a_test_that_cannot_be_put_to_a_program_is_refused_and_not_failed(judge, program, test, reason):
    result = judge(program, test)
    assert result.status is Status.REFUSED and reason in result.detail, result


def test_programs_do_not_see_each_other(isolation):
    writer = Job("import os\nopen('/tmp/left', 'w').write('x')\nleft = 1", ("assert left == 1",))
    reader = Job("import os\nleft = os.listdir('/tmp')", ("assert left == []",))
    assert all(result.passed for result in run_programs([writer, reader, writer, reader], None, isolation, workers=1))


def test_sets_are_in_the_same_order_in_every_run(isolation):
    program = "order = ''.join({'a', 'b', 'c', 'd', 'e'})\ndef f():\n    return order"
    details = {
        run_programs([Job(program, ("assert f() == ''",))], Limits(wall_seconds=w), isolation)[0].detail
        for w in (5.0, 6.0, 7.0)
    }
    assert len(details) == 1


def test_untrusted_code_is_refused_without_isolation():
    result = run_program(Job(ADD, ("assert add(1, 2) == 3",)), isolation="none")
    assert result.status is Status.REFUSED and "allow_unsandboxed" in result.detail


def test_detecting_no_isolation_is_an_error_that_names_the_remedy():
    with pytest.raises(InputError, match="user namespaces"):
        detect_isolation("none")


def test_a_python_under_tmp_is_said_to_be_the_reason(monkeypatch):
    monkeypatch.setattr("sys.base_prefix", "/tmp/python")
    for isolation in (None, Isolation.NAMESPACES, Isolation.BUBBLEWRAP):
        chosen, reason = programs._choose.__wrapped__(isolation)
        assert chosen is Isolation.NONE
        assert reason.endswith(
            "Python lies in /tmp/python, and a program's /tmp is its own: use a Python that is installed outside /tmp"
        )


def test_without_isolation_programs_run_when_told_to(caplog):
    jobs = [Job(ADD, ("assert add(1, 2) == 3",)), Job(ADD, ("assert add(1, 2) == 4",))]
    results = run_programs(jobs, Limits(wall_seconds=9.5), isolation="none", allow_unsandboxed=True)
    assert "without isolation" in caplog.text
    assert [result.status for result in results] == [Status.PASSED, Status.FAILED]
    assert results[0].isolation is Isolation.NONE


def test_without_isolation_other_processes_do_not_count_against_a_program():
    job = Job("import time\ndef f(): time.sleep(0.3)", ("assert f() is None",))
    hungry = subprocess.Popen([sys.executable, "-c", "x = b'1' * (300 << 20); input()"], stdin=subprocess.PIPE)
    try:
        limits = Limits(memory_bytes=256 << 20)
        result = run_programs([job], limits, isolation="none", allow_unsandboxed=True)[0]
    finally:
        hungry.communicate(b"\n")
    assert result.passed, result


def test_auto_takes_an_isolation_that_works(isolation):
    assert detect_isolation() in (Isolation.BUBBLEWRAP, Isolation.NAMESPACES)


@pytest.mark.parametrize(
    "options",
    [{"isolation": "jail"}, {"workers": 0}],
    ids=["unknown isolation", "no workers"],
)
def test_options_that_make_no_sense_are_input_errors(options):
    with pytest.raises(InputError):
        run_programs([Job(ADD, ("assert add(1, 2) == 3",))], **options)


@pytest.mark.parametrize("name", ["wall_seconds", "memory_bytes", "processes"])
def test_limits_must_be_positive(name):
    with pytest.raises(InputError, match=name):
        Limits(**{name: 0})


def test_importing_the_sandbox_imports_nothing_heavy():
    import subprocess
    import sys

    code = textwrap.dedent("""
        import sys
        import setwise.sandbox
        print(sorted({"torch", "numpy", "pydantic", "transformers"} & set(sys.modules)))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
