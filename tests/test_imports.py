"""Imports point one way, and the command line answers without loading what only training needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from smoke_workspace import REPOSITORY

ORDER = ("setwise", "pipelines", "tasks", "flows")
"""Each may import itself and what stands before it."""
LIBRARY = (
    ("answers",),
    ("matching",),
    ("domains",),
    ("rewards", "metrics"),
    ("engines",),
    ("evaluation",),
    ("training",),
)
"""The order within `setwise`: each may import its own level and those before it."""
HEAVY = {
    "torch",
    "transformers",
    "trl",
    "mlflow",
    "great_expectations",
    "prefect",
    "pandas",
    "matplotlib",
    "dvc",
    "ray",
}


def imported(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function; those for type checking only are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_what_stands_before_it(package: str) -> None:
    later = set(ORDER[ORDER.index(package) + 1 :])
    wrong = {(str(path), name) for path in files(package) for name in imported(path) if name.split(".")[0] in later}
    assert wrong == set()


@pytest.mark.parametrize("level", range(len(LIBRARY)), ids=lambda level: "+".join(LIBRARY[level]))
def test_the_library_imports_only_what_stands_before(level: int) -> None:
    later = {f"setwise.{name}" for names in LIBRARY[level + 1 :] for name in names}
    wrong = {
        (str(path), name)
        for package in LIBRARY[level]
        for path in files(f"setwise/{package}")
        for name in imported(path)
        if any(name == package or name.startswith(f"{package}.") for package in later)
    }
    assert wrong == set()


def test_the_library_knows_neither_prefect_nor_dvc() -> None:
    roots = {(str(path), name.split(".")[0]) for path in files("setwise") for name in imported(path)}
    assert {(path, root) for path, root in roots if root in {"prefect", "dvc"}} == set()


def test_every_folder_was_read() -> None:
    assert all(files(package) for package in ORDER)
    assert all(files(f"setwise/{name}") for names in LIBRARY for name in names)


@pytest.mark.parametrize(
    "module", ["setwise", "setwise.cli", "setwise.params", "setwise.recipes", "pipelines.stage", "setwise.domains"]
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.intersection(loaded) == set()
