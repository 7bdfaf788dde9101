"""What decides a stage's outputs is a dependency of it: `dvc repro` runs the stage again when that code changes."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from smoke_workspace import REPOSITORY
from test_imports import imported

STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
UNDECIDING = {
    "pipelines": "lines, files and locks: where outputs go, not what is in them",
    "setwise/__init__.py": "nothing in it",
    "setwise/borrowed.py": "refuses, and decides nothing",
    "setwise/digests.py": "names what there is",
    "setwise/doctor.py": "looks at the machine",
    "setwise/errors.py": "words",
    "setwise/leaderboard.py": "reads the tracking store",
    "setwise/params.py": "the params themselves are dependencies",
    "setwise/plan": "refuses, and decides nothing",
    "setwise/quiet.py": "logging",
    "setwise/recipes.py": "params again",
    "setwise/redact.py": "words",
    "setwise/registry_params.py": "params again",
    "setwise/scale_params.py": "params again",
    "setwise/section.py": "params again",
    "setwise/tracking.py": "remembers what happened",
    "setwise/tracking_store.py": "remembers what happened",
    "setwise/training/__init__.py": "nothing in it",
    "setwise/training/cluster.py": "where training runs",
    "setwise/training/live.py": "lines on the screen",
    "setwise/training/on_worker.py": "where training runs",
    "setwise/training/run_storage.py": "where training runs",
    "setwise/training/workdir.py": "whose checkpoints they are",
    "setwise/yaml12.py": "params again",
}
"""Code that no output's content comes from, and why."""
GIVEN = {
    "prepare": {"setwise/sandbox": "compares programs, and runs none"},
    "validate": {
        "setwise/sandbox": "compares programs, and runs none",
        "setwise/sources": "its data is a dependency",
    },
    "warmstart": {"setwise/sandbox": "judges no program", "setwise/sources": "its data is a dependency"},
    "train": {"setwise/sources": "its data is a dependency"},
    "evaluate": {
        "setwise/domains": "its data is a dependency",
        "setwise/methods.py": "which models there are",
        "setwise/policy.py": "the weights are a dependency",
        "setwise/sources": "its data is a dependency",
        "setwise/training": "the weights are a dependency",
    },
}
"""Code of a stage whose part in it another dependency holds."""


def source(module: str) -> Path | None:
    """The file of a module of ours, relative to the repository; None for anything else."""
    place = Path(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if (REPOSITORY / path).is_file():
            return path
    return None


def named(path: Path) -> set[str]:
    """Modules of ours that a file names by a string, such as `"setwise.matching.exact:match_exact"`.

    An f-string that begins with a package, such as `f"setwise.domains.{name}"`, may mean any module of it.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
            if found := re.fullmatch(r"((?:setwise|pipelines)(?:\.\w+)+)(?::\w+)?", node.value):
                names |= {found[1], found[1].rpartition(".")[0]}
        elif isinstance(node, ast.JoinedStr):
            begins = ast.unparse(node.values[0]).strip("'")
            if found := re.fullmatch(r"((?:setwise|pipelines)(?:\.\w+)+)\.", begins):
                folder = REPOSITORY / Path(*found[1].split("."))
                names |= {f"{found[1]}.{module.stem}" for module in folder.glob("*.py")}
    return names


def code_of(stage: str) -> set[Path]:
    """The files that decide what a stage makes: what it imports, itself or through others of them."""
    found = {Path("pipelines", f"{stage}.py")}
    waiting = imported(REPOSITORY / "pipelines" / f"{stage}.py") | named(REPOSITORY / "pipelines" / f"{stage}.py")
    while waiting:
        module = waiting.pop()
        path = source(module)
        if path is None or path in found or under(path, set(UNDECIDING)):
            continue
        found.add(path)
        waiting |= imported(REPOSITORY / path) | named(REPOSITORY / path) | {module.rpartition(".")[0]} - {""}
    return found


def under(path: Path, names: set[str]) -> bool:
    """Whether the path, or a folder it lies in, is one of the names."""
    return any(str(place) in names for place in (path, *path.parents))


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "report"])
def test_the_code_that_decides_a_stages_outputs_is_among_its_dependencies(stage: str) -> None:
    deps = set(STAGES[stage]["deps"]) | set(GIVEN.get(stage, {}))
    assert {str(path) for path in code_of(stage) if not under(path, deps)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_dependency_on_code_names_what_is_there(stage: str) -> None:
    named = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipelines/", "setwise/"))]
    assert [dep for dep in named if not (REPOSITORY / dep).exists()] == []


def test_what_a_string_names_is_followed() -> None:
    assert "setwise.matching.program" in named(REPOSITORY / "setwise" / "matching" / "judge.py")
    assert "setwise.domains.mbpp" in named(REPOSITORY / "setwise" / "domains" / "base.py")
    for stage in ("train", "evaluate"):
        assert Path("setwise/sandbox/__init__.py") in code_of(stage), stage


def test_what_is_left_out_is_there() -> None:
    assert [name for name in UNDECIDING if not (REPOSITORY / name).exists()] == []
