"""What decides a stage's outputs is a dependency of it: `dvc repro` runs the stage again when that code changes."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from smoke_workspace import REPOSITORY
from test_imports import imported

from setwise.params import EvaluateParams

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
    "warmstart": {
        "setwise/matching": "judges nothing",
        "setwise/sandbox": "judges nothing",
        "setwise/sources": "its data is a dependency",
    },
    "train": {
        "setwise/matching": "a mended matcher judges again what is kept; a training for it is started by hand",
        "setwise/sandbox": "as matching",
        "setwise/sources": "its data is a dependency",
    },
    "generate": {
        "setwise/answers/__init__.py": "of what it names, the layout alone is asked for",
        "setwise/evaluation/__init__.py": "of what it names, three modules generate",
        "setwise/policy.py": "the weights are a dependency",
        "setwise/training": "the weights are a dependency",
    },
    "judge": {
        "setwise/domains": "its data is a dependency",
        "setwise/engines": "its completions are a dependency",
        "setwise/methods.py": "its completions are a dependency",
        "setwise/sources": "its data is a dependency",
    },
}
"""Code of a stage whose part in it another dependency holds, or that takes no part; what it imports is not followed."""


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
    found, left_out = {Path("pipelines", f"{stage}.py")}, set(UNDECIDING) | set(GIVEN.get(stage, {}))
    waiting = imported(REPOSITORY / "pipelines" / f"{stage}.py") | named(REPOSITORY / "pipelines" / f"{stage}.py")
    while waiting:
        module = waiting.pop()
        path = source(module)
        if path is None or path in found or under(path, left_out):
            continue
        found.add(path)
        waiting |= imported(REPOSITORY / path) | named(REPOSITORY / path) | {module.rpartition(".")[0]} - {""}
    return found


def under(path: Path, names: set[str]) -> bool:
    """Whether the path, or a folder it lies in, is one of the names."""
    return any(str(place) in names for place in (path, *path.parents))


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "report"])
def test_the_code_that_decides_a_stages_outputs_is_among_its_dependencies(stage: str) -> None:
    assert {str(path) for path in code_of(stage) if not under(path, set(STAGES[stage]["deps"]))} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_dependency_on_code_names_what_is_there(stage: str) -> None:
    named = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipelines/", "setwise/"))]
    assert [dep for dep in named if not (REPOSITORY / dep).exists()] == []


def test_what_a_string_names_is_followed() -> None:
    assert "setwise.matching.program" in named(REPOSITORY / "setwise" / "matching" / "judge.py")
    assert "setwise.domains.mbpp" in named(REPOSITORY / "setwise" / "domains" / "base.py")
    assert Path("setwise/sandbox/__init__.py") in code_of("judge")


def test_generating_knows_no_gold_no_matcher_and_no_metric() -> None:
    rooms = {"setwise/domains", "setwise/matching", "setwise/metrics", "setwise/sandbox", "setwise/answers/parse.py"}
    assert {str(path) for path in code_of("generate") if under(path, rooms)} == set()
    assert not any(under(Path(dep), rooms) or dep.endswith("test.parquet") for dep in STAGES["generate"]["deps"])
    assert not {"evaluate", "evaluate.resamples"} & set(STAGES["generate"]["params"])


def test_no_model_depends_on_what_answers_are_judged_by() -> None:
    for stage in ("warmstart", "train"):
        judging = {
            "setwise/matching",
            "setwise/metrics",
            "setwise/sandbox",
            "setwise/evaluation",
            "reports/validation.json",
        }
        data = {"data/${domain.name}", "data/${domain.name}/test.parquet"}
        assert not (judging | data) & set(STAGES[stage]["deps"]), stage


def test_every_param_of_the_section_evaluate_is_one_of_generate_or_of_judge() -> None:
    named = {param for stage in ("generate", "judge") for param in STAGES[stage]["params"]}
    assert {f"evaluate.{name}" for name in EvaluateParams.model_fields} <= named


def test_what_is_left_out_is_there() -> None:
    named = {name for names in GIVEN.values() for name in names} | set(UNDECIDING)
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []
