"""Which names in a job's tests stand for the program's definitions, decided from the tests alone.

The program has no say in it: a program that defines its own `set` or `isclose` does not change what they mean in a
test that checks `set(f(x)) == {1}` or `math.isclose(f(x), 0.5)`.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class TestPlan:
    """Set-up and tests ready to run.

    Attributes:
        setup: the set-up without its classes, which live on the program's side.
        tests: one module per test.
        program_names: names to ask the program for before each test.
        modules: standard modules that the tests use without importing them.
    """

    __test__ = False
    setup: ast.Module
    tests: tuple[ast.Module, ...]
    program_names: tuple[str, ...]
    modules: tuple[str, ...]


def plan_tests(tests: tuple[str, ...], setup: str) -> TestPlan:
    """Read set-up and tests and sort their names.

    Raises:
        SyntaxError, ValueError: one of them is no Python source.
    """
    whole_setup = ast.parse(setup)
    classes = {node.name for node in whole_setup.body if isinstance(node, ast.ClassDef)}
    kept = ast.Module([node for node in whole_setup.body if not isinstance(node, ast.ClassDef)], type_ignores=[])
    modules = tuple(ast.parse(test) for test in tests)
    code = [kept, *modules]
    free = {name for tree in code for name in _loads(tree)} - {name for tree in code for name in _bindings(tree)}
    standard = {name for name in free - _BUILTINS - classes if _is_used_as_module(name, code)}
    names = (free - _BUILTINS - standard) | (classes & free)
    if not names:
        names = set(_tested_builtin(modules))
    return TestPlan(kept, modules, tuple(sorted(names)), tuple(sorted(standard)))


def _loads(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _bindings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _is_used_as_module(name: str, code: list[ast.Module]) -> bool:
    """Whether `name` is a standard module and appears only as in `name.attribute`."""
    if name not in sys.stdlib_module_names:
        return False
    owners = sum(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
        for tree in code
        for node in ast.walk(tree)
    )
    return owners == sum(used == name for tree in code for used in _loads(tree))


def _tested_builtin(tests: tuple[ast.Module, ...]) -> list[str]:
    """The one built-in name under test where tests call nothing else (`sum(10, 15) == 6`): the first one called."""
    for test in tests:
        for name in _calls_inside_out(test):
            if name in _BUILTINS:
                return [name]
    return []


def _calls_inside_out(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        yield from _calls_inside_out(child)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield node.func.id
