"""Every private name of another library that our code uses is listed; one that has gone or changed is refused."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smoke_workspace import REPOSITORY, Workspace

from setwise.borrowed import BORROWED, TRAINER, check_borrowed, check_trainer
from setwise.errors import InputError

LIBRARIES = sorted({one.library for one in BORROWED})
KEYWORDS = {
    "_wait_for_lock": "of DVC's Repo",
    "_sync": "of those of Prefect's functions that are synchronous and asynchronous at once",
}
"""A call with a keyword that is not there ends with an error, so these are not looked for first."""
PYTHON = {"sys._base_executable"}
"""Python's own: the interpreter that a virtual environment was made from."""
CODE = [path for folder in ("setwise", "pipelines", "tasks", "flows") for path in (REPOSITORY / folder).rglob("*.py")]
TREES = {path: ast.parse(path.read_text()) for path in CODE}
LISTED = {one.name.rpartition(".")[2] for one in BORROWED} | set(TRAINER) | {name.split(".")[1] for name in PYTHON}
DOCUMENTED = {"_replace", "_exit"}
"""Of named tuples and of `os`."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def own_names() -> set[str]:
    """Private names that our code defines itself: functions, classes, variables, attributes of `self`."""
    names: set[str] = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
                names |= set(ast.literal_eval(node.value))
    return names


def foreign_private(path: Path, own: set[str]) -> Iterator[str]:
    """The private names that a file reads off something that is not ours."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            asks_base = isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()"
            if asks_base or node.attr not in own:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith("setwise."):
            yield from (
                name for name in (*str(node.module).split("."), *(a.name for a in node.names)) if is_private(name)
            )
        elif isinstance(node, ast.keyword) and node.arg and is_private(node.arg) and node.arg != KEYWORDS:
            yield node.arg


def test_every_private_name_that_is_read_off_another_library_is_listed() -> None:
    own = own_names()
    found = {(path.name, name) for path in CODE for name in foreign_private(path, own)}
    assert {(path, name) for path, name in found if name not in LISTED | DOCUMENTED | set(KEYWORDS)} == set()
    assert {name for _, name in found} >= {"_dist", "_logs", "_calculate_rewards"}


def test_every_method_of_trl_that_ours_override_is_listed() -> None:
    from setwise.training.rl import SetTrainer

    base = SetTrainer.__mro__[1]
    overridden = {name for name, value in vars(SetTrainer).items() if inspect.isfunction(value) and hasattr(base, name)}
    listed = {one.name.removeprefix(f"{base.__name__}.") for one in BORROWED}
    assert {name for name in overridden if not name.startswith("__")} - listed == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_installed_has_every_name(library: str) -> None:
    check_borrowed(library)


def test_pythons_own_names_are_there() -> None:
    assert all(hasattr(sys, name.removeprefix("sys.")) for name in PYTHON)


def test_dvcs_repository_takes_what_it_is_given() -> None:
    from dvc.repo import Repo

    assert "_wait_for_lock" in inspect.signature(Repo.__init__).parameters


def rename(owner: type, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """TRL calls it something else from now on."""

    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, f"{name}_renamed", getattr(owner, name), raising=False)
        patch.delattr(owner, name)

    return change


OVERRIDDEN = [one.name.split(".")[1] for one in BORROWED if one.name.startswith("GRPOTrainer._")]


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_a_method_that_trl_has_renamed_is_refused_with_its_version(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from trl import GRPOTrainer, __version__

    from setwise.training.rl import SetTrainer

    rename(GRPOTrainer, name)(monkeypatch)
    with pytest.raises(InputError) as refused:
        SetTrainer()
    assert str(refused.value).startswith(f"trl {__version__}: trl.trainer.grpo_trainer.GRPOTrainer.{name} ")


def test_other_parameters_are_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from trl import GRPOTrainer

    def renamed(self: Any, inputs: Any, prompts: Any, completions: Any, token_ids: Any) -> None: ...

    monkeypatch.setattr(GRPOTrainer, "_calculate_rewards", renamed)
    said = (
        r"_calculate_rewards takes \(inputs, prompts, completions, token_ids\), not \(inputs, prompts, completions, c"
    )
    with pytest.raises(InputError, match=said):
        check_borrowed("trl")


def test_a_class_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("trl.trainer.utils.FusedCausalLMOutput")
    with pytest.raises(InputError, match=r"trl\.trainer\.utils\.FusedCausalLMOutput is missing"):
        check_borrowed("trl")


def test_an_attribute_that_the_trainer_has_no_more_is_named() -> None:
    class Made:
        _logs: dict[str, list[float]] = {}  # noqa: RUF012

    with pytest.raises(InputError, match=r"GRPOTrainer\._dist is missing.*_logs\['advantages'\].*RepeatSampler"):
        check_trainer(Made(), object())


def test_a_head_whose_keyword_has_another_name_is_refused() -> None:
    import torch

    from setwise.training.compact_head import add_compact_head

    class Model(torch.nn.Linear):
        def forward(self, labels: Any = None, fused_head: bool = False) -> None: ...  # type: ignore[override]

    with pytest.raises(InputError, match="the forward of its fused head takes no fused_lm_head"):
        add_compact_head(Model(1, 1))  # type: ignore[arg-type]


def test_a_training_with_another_trl_ends_in_one_line_and_opens_no_run(workspace: Workspace) -> None:
    hook = "import trl.trainer.grpo_trainer as g\ndel g.GRPOTrainer._tokenize_prompts\n"
    code = f"{hook}import runpy, sys\nsys.argv = ['train', '--method', 'rlcr_multi']\n"
    ended = workspace.python("-c", code + "runpy.run_module('pipelines.train', run_name='__main__')")
    assert ended.code == 2, ended
    assert ended.err.strip().splitlines()[-1].startswith("error: trl "), ended.err
    assert "GRPOTrainer._tokenize_prompts is missing" in ended.err
    assert not (workspace.root / "mlruns" / "mlflow.db").exists()
