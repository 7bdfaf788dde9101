"""Which names of a test are the program's."""

from __future__ import annotations

import pytest

from setwise.sandbox.names import plan_tests

CASES = {
    "the function under test": ("assert add(1, 2) == 3", "", ("add",)),
    "not what Python has": ("assert set(f(1)) == set(sorted([1]))", "", ("f",)),
    "not what a test binds": ("for x in [1]:\n    y = x\n    assert f(y) == x", "", ("f",)),
    "not the parameters of a test's functions": ("def check(c, *d):\n    assert c(1) == d\ncheck(f)", "", ("f",)),
    "not what a test imports": ("import math as m\nassert m.isclose(f(1), m.pi)", "", ("f",)),
    "not what the set-up imports": ("assert isclose(f(1), 2)", "from math import isclose", ("f",)),
    "not the set-up's functions": ("assert near(f(1), 2)", "def near(a, b):\n    return abs(a - b) < 1", ("f",)),
    "the set-up's classes": ("assert f(Node(1)) == 2", "class Node: pass", ("Node", "f")),
    "a class beside the function": ("assert f([Pair(1, 2)]) == 2", "", ("Pair", "f")),
    "a built-in name under test": ("assert sum(10, 15) == 6", "", ("sum",)),
    "the inner one of two built-in names": ("assert set(sum(1, 2)) == set([3])", "", ("sum",)),
    "a name like a module's that is called": ("assert queue(1) == 2", "", ("queue",)),
}


@pytest.mark.parametrize(("test", "setup", "names"), CASES.values(), ids=CASES.keys())
def test_names_of_the_program_are(test, setup, names):
    assert plan_tests((test,), setup).program_names == names


def test_a_standard_module_used_without_an_import_is_not_the_programs():
    plan = plan_tests(("assert size(1) == sys.getsizeof(1)",), "")
    assert plan.modules == ("sys",) and plan.program_names == ("size",)


def test_a_built_in_name_is_the_programs_only_where_no_other_is_tested():
    assert plan_tests(("assert f(1) == sum([1])", "assert sum([f(1)]) == 1"), "").program_names == ("f",)


def test_tests_that_are_no_python_are_a_syntax_error():
    with pytest.raises(SyntaxError):
        plan_tests(("assert f(1) ==",), "")
