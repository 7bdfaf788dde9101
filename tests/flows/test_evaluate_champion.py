"""The flow evaluate-champion: a champion with random weights, whose card was written by a scripted evaluation."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "registry"))
from registry_world import Skill, make_examples, make_workspace

from flows.evaluate_champion import evaluate_champion
from flows.promote import promote
from setwise.domains.base import question_content
from setwise.domains.parquet import read_examples
from setwise.tracking import get_client
from tasks.champion import fresh_questions

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = make_workspace(tmp_path_factory.mktemp("champion") / "workspace", n_questions=40)
    made.contender(1, Skill(right=0.5, stated=0.5))
    assert promote(str(made.root), return_state=True).name == "Promoted"
    return made


def test_on_the_questions_of_its_card_the_champion_has_the_figures_of_its_card(workspace):
    state = evaluate_champion(str(workspace.root), return_state=True)
    look = state.result()
    assert state.name == "Completed"
    assert look.now == look.card
    assert look.n_questions == 40


def test_on_fresh_questions_a_champion_that_does_worse_is_reported(workspace):
    state = evaluate_champion(str(workspace.root), "fresh", 5, return_state=True)
    look = state.result()
    assert (state.name, state.is_completed()) == ("Worse", True)
    assert "valid_rate" in look.worse
    assert "tokens_per_question" in look.worse
    client = get_client(workspace.root)
    run = client.get_run(client.get_model_version("setwise-clinic", "1").run_id)
    assert run.data.metrics["champion/valid_rate"] == look.now["valid_rate"]["value"]


def test_fresh_questions_are_the_same_for_a_seed_and_none_is_in_the_data(workspace):
    first, again, other = (fresh_questions(workspace.root, workspace.loaded, seed) for seed in (5, 5, 6))
    assert [e.id for e in first] == [e.id for e in again] != [e.id for e in other]
    workspace.ask_about(first[:10])
    left = {question_content(e.question) for e in fresh_questions(workspace.root, workspace.loaded, 5)}
    assert not left & {question_content(e.question) for e in first[:10]}
    workspace.ask_about(make_examples(40))


def test_a_test_split_that_has_grown_is_asked_whole(workspace):
    grown = [*read_examples(workspace.root / "data" / "clinic" / "test.parquet"), *make_examples(10, seed=8)]
    workspace.ask_about(grown)
    look = evaluate_champion(str(workspace.root), return_state=True).result()
    workspace.ask_about(grown[:40])
    assert look.n_questions == 50


def test_without_a_champion_there_is_nothing_to_look_at(tmp_path):
    made = make_workspace(tmp_path / "workspace", n_questions=5)
    state = evaluate_champion(str(made.root), return_state=True)
    assert state.is_failed()
    assert "no champion" in state.message
