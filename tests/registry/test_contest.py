"""The contest judges what both sides wrote by the code of today; what was judged before is not looked at."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities.model_registry import ModelVersion
from registry_world import METHOD, Skill, Workspace, make_workspace

from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.evaluation import Store, compare, judge
from setwise.evaluation.store import VERDICTS, question_id, write_rows
from setwise.registry import Decision, hold_gate, register_challenger
from setwise.registry.contest import ask_again
from setwise.registry.versions import get_aliased, keep_store, kept_store
from setwise.registry.versions import promote as crown
from setwise.tracking import CHAMPION, get_client
from tasks.registry import evaluated

NAME = "setwise-clinic"
Spoil = Callable[[dict[str, Any]], dict[str, Any]]


def all_right(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"hits": [1, 0], "keys": ["gold:0", "x"], "posterior": None, "reason": None, "faults": []}


def all_wrong(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"hits": [0, 0], "keys": ["a", "b"], "confidences": [1.0, 0.0]}


def all_invalid(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"hits": [], "keys": [], "answers": [], "confidences": None, "reason": "missing tags"}


def spoiled(path: Path, spoil: Spoil, to: Path) -> Path:
    """The same file, every row passed through `spoil`, with the key it had."""
    store = Store(path)
    tables = [
        pa.Table.from_pylist([spoil(row) for row in group.to_pylist()], schema=VERDICTS) for group in store.groups()
    ]
    write_rows(to, store.key, tables, store.gold)
    return to


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ModelVersion]:
    """A champion and a challenger that is somewhat better."""
    workspace = make_workspace(tmp_path_factory.mktemp("contest"), n_questions=60)
    workspace.contender(1, Skill(right=0.5))
    first = register(workspace)
    crown(get_client(workspace.root), NAME, Decision("passed", "first", str(first.version), None, "q" * 64, 60))
    workspace.contender(2, Skill(right=0.8))
    return workspace, register(workspace)


def register(workspace: Workspace) -> ModelVersion:
    return register_challenger(evaluated(workspace.root, workspace.loaded), workspace.root)


def stored(workspace: Workspace) -> Path:
    return workspace.root / "reports" / "evaluation" / METHOD / "one.parquet"


def decide(contest: tuple[Workspace, ModelVersion], store: Path | None = None) -> Decision:
    workspace, challenger = contest
    examples = read_examples(workspace.root / "data" / "clinic" / "test.parquet")
    return hold_gate(workspace.loaded, challenger, store or stored(workspace), examples, workspace.root)


def spoil_champion(workspace: Workspace, spoil: Spoil, scratch: Path) -> None:
    """Change what is kept of the champion's answers."""
    client = get_client(workspace.root)
    champion = get_aliased(client, NAME, CHAMPION)
    assert champion is not None
    kept = kept_store(client, champion, Store(stored(workspace)).key, scratch)
    assert kept is not None
    keep_store(client, champion, spoiled(kept, spoil, scratch / "spoiled.parquet"))


@pytest.mark.parametrize("spoil", [all_right, all_wrong, all_invalid])
def test_stored_verdicts_decide_nothing(contest: tuple[Workspace, ModelVersion], spoil: Spoil, tmp_path: Path) -> None:
    honest = decide(contest)
    assert honest.checks[0].difference is not None
    assert decide(contest, spoiled(stored(contest[0]), spoil, tmp_path / "challenger.parquet")) == honest


@pytest.mark.parametrize("spoil", [all_right, all_wrong, all_invalid])
def test_what_is_kept_of_the_champions_verdicts_decides_nothing(
    contest: tuple[Workspace, ModelVersion], spoil: Spoil, tmp_path: Path
) -> None:
    honest = decide(contest)
    examples = read_examples(contest[0].root / "data" / "clinic" / "test.parquet")
    found = ask_again(contest[0].loaded, examples, contest[0].root)[1]
    spoil_champion(contest[0], spoil, tmp_path)
    assert decide(contest) == honest
    assert ask_again(contest[0].loaded, examples, contest[0].root)[1] == found


def test_answers_without_their_text_are_refused_in_one_line(
    contest: tuple[Workspace, ModelVersion], tmp_path: Path
) -> None:
    def drop(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"text": None} if row["question_id"] == question_id(third.question) else row

    third = read_examples(contest[0].root / "data" / "clinic" / "test.parquet")[2]
    with pytest.raises(InputError, match=r"one\.parquet: row 2 keeps no text.*let it answer again") as refused:
        decide(contest, spoiled(stored(contest[0]), drop, tmp_path / "one.parquet"))
    assert "\n" not in str(refused.value)


def test_answers_to_questions_whose_gold_is_not_at_hand_are_refused_in_one_line(
    contest: tuple[Workspace, ModelVersion],
) -> None:
    workspace, challenger = contest
    examples = read_examples(workspace.root / "data" / "clinic" / "test.parquet")[:-1]
    with pytest.raises(InputError, match="give the split it was made from") as refused:
        hold_gate(workspace.loaded, challenger, stored(workspace), examples, workspace.root)
    assert "\n" not in str(refused.value)


def test_judging_again_by_the_same_code_changes_nothing(
    contest: tuple[Workspace, ModelVersion], tmp_path: Path
) -> None:
    examples = read_examples(contest[0].root / "data" / "clinic" / "test.parquet")
    again = judge(stored(contest[0]), examples, tmp_path / "again.parquet")
    assert pq.read_table(again).equals(pq.read_table(stored(contest[0])))
    assert Store(again).key == Store(stored(contest[0])).key
    assert {row.difference for row in compare(stored(contest[0]), again, examples, 100)} <= {0.0, None}


def test_files_of_the_sides_stay_as_they_were(contest: tuple[Workspace, ModelVersion], tmp_path: Path) -> None:
    before = stored(contest[0]).read_bytes()
    copied = Path(shutil.copy(stored(contest[0]), tmp_path / "copy.parquet"))
    decide(contest, copied)
    assert copied.read_bytes() == before
