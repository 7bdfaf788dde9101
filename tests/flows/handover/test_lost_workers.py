"""Workers that are killed, or seem so: another goes on, once, and nobody is given up for a remote that is away."""

import threading
import time
from uuid import UUID

import pytest
from machines import kill, rebuild_on_gpu
from prefect.client.orchestration import get_client
from prefect.states import Completed, Running, State

from tasks import handover
from tasks.orders import write_order
from tasks.stages import RunningStages

pytestmark = pytest.mark.operations


@pytest.mark.parametrize("remote", ["s3"], indirect=True)
def test_another_worker_goes_on_from_the_checkpoint_of_one_that_was_killed(shared, remote, machine, tmp_path):
    doomed = machine("first", 0.5)

    def kill_in_training() -> None:
        while sum("manifest.json" in name for name in remote.names("checkpoints")) < 3:
            time.sleep(0.2)
        kill(doomed)
        machine("second", 0.0)

    killer = threading.Thread(target=kill_in_training)
    killer.start()
    result = rebuild_on_gpu(shared)
    killer.join()
    assert result.exit_code == 0, (result.summary(), (tmp_path / "second.log").read_text())
    first, second = (tmp_path / "training.log").read_text().splitlines()
    assert first == f"train@a from 0 in {tmp_path / 'first'}"
    assert second.endswith(f"in {tmp_path / 'second'}")
    assert int(second.split()[2]) >= 3
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"


@pytest.fixture
def running(shared, monkeypatch):
    """An order of `train@a` that some worker runs, watched with little patience; and the run's id."""
    monkeypatch.setattr(handover, "LEAST_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(handover, "POLL_SECONDS", 0.1)
    order = write_order(shared.root, "train@a", ("prepare",), 0.1)
    run = handover._order(order, print)
    set_state(run, Running())
    yield order, run
    set_state(run, Completed())


def set_state(run: UUID, state: State) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)


def state_of(run: UUID) -> State:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


def test_a_worker_that_gives_no_sign_on_a_remote_that_answers_is_given_up(shared, running):
    order, run = running
    assert handover._watch(run, order, shared.root, RunningStages()) is None
    assert state_of(run).is_crashed()


@pytest.mark.parametrize("remote", ["ssh"], indirect=True)
def test_a_remote_that_does_not_answer_makes_no_worker_lost(shared, remote, running, monkeypatch):
    order, run = running
    remote.stop()
    asked = []

    def sign_of_life(*words) -> str | None:
        asked.append(ask(*words))
        if len(asked) == 3:
            set_state(run, Completed())
        return asked[-1]

    ask = handover._sign_of_life
    monkeypatch.setattr(handover, "_sign_of_life", sign_of_life)
    ended = handover._watch(run, order, shared.root, RunningStages())
    assert asked == [None] * 3
    assert ended is not None
    assert ended.is_completed()


def test_an_order_whose_rebuild_has_ended_is_not_given_a_second_time_until_it_has_ended(shared, running, capsys):
    order, run = running
    assert handover._order(order, print) == run
    assert "ordered by a run before this one" in capsys.readouterr().out
    set_state(run, Completed())
    again = handover._order(order, print)
    assert again != run
    set_state(again, Completed())
