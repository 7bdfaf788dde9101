"""What is imported is declared in pyproject.toml, and what is declared is imported; all of it is pinned."""

import ast
import functools
import importlib.metadata
import sys
import tomllib
from collections.abc import Mapping

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from smoke_workspace import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
RUNTIME = ("setwise", "pipelines", "tasks", "flows")
BESIDE = ("tests", "benchmarks", ".ci")
OPTIONAL = {"ray", "vllm"}
"""Imported by what asks for it alone, and an extra."""


def names(requirements: list[str]) -> set[str]:
    """The distributions that requirements name."""
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def imported(folders: tuple[str, ...]) -> set[str]:
    """The distributions that the modules of some folders import, anywhere in them, ours and Python's own left out."""
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    ours = {*RUNTIME, *(path.stem for folder in BESIDE for path in (REPOSITORY / folder).rglob("*.py"))}
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module))
    tops = {name.split(".")[0] for name in found} - ours - sys.stdlib_module_names
    return {canonicalize_name(_owner(top, found, distributions().get(top, [top]))) for top in tops}


@functools.cache
def distributions() -> Mapping[str, list[str]]:
    """Which distributions the installed top-level modules belong to."""
    return importlib.metadata.packages_distributions()


def _owner(top: str, found: set[str], owners: list[str]) -> str:
    """The distribution of a top-level module; of those that share a namespace, the one called as what is imported."""
    dotted = {canonicalize_name(name) for name in found if name.split(".")[0] == top}
    fitting = [owner for owner in owners if canonicalize_name(owner) in dotted]
    return (fitting or owners)[0]


def test_what_the_packages_import_is_declared() -> None:
    assert imported(RUNTIME) - OPTIONAL - names(PROJECT["dependencies"]) == set()


def test_what_is_declared_is_imported() -> None:
    assert names(PROJECT["dependencies"]) - imported(RUNTIME) == set()


def test_what_tests_and_benchmarks_import_is_declared() -> None:
    declared = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["dev"])
    assert imported(BESIDE) - OPTIONAL - declared == set()


@pytest.mark.parametrize("group", ["dependencies", *PROJECT["optional-dependencies"]])
def test_what_is_declared_is_pinned_to_a_version_that_fits(group: str) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(one.name): one.specifier for one in map(Requirement, filter(None, lines))}
    asked = PROJECT[group] if group == "dependencies" else PROJECT["optional-dependencies"][group]
    for one in map(Requirement, asked):
        (pin,) = pinned[canonicalize_name(one.name)]
        assert one.specifier.contains(pin.version), f"{one}: constraints.txt has {pin.version}"
