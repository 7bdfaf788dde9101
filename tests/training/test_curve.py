"""A curve holds every step once, in its file and in the tracking run, whatever happened to either."""

import json
from pathlib import Path

import pytest

from setwise.tracking import Run, TrackingError, get_client, get_experiment
from setwise.training.curve import Curve


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = get_client(tmp_path)
    return Run(client, client.create_run(get_experiment(client, "clinic", tmp_path)).info.run_id)


def steps(run: Run, name: str = "train/reward") -> list[int]:
    return sorted(metric.step for metric in run.client.get_metric_history(run.run_id, name))


def filled(path: Path, run: Run | None, last: int) -> Curve:
    curve = Curve(path, run)
    curve.resume(0)
    for step in range(1, last + 1):
        curve.add(step, {"train/reward": step / 10})
    return curve


def test_rows_are_on_disk_as_they_happen(tmp_path: Path) -> None:
    filled(tmp_path / "c.jsonl", None, 3)
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert rows == [{"step": step, "train/reward": step / 10} for step in (1, 2, 3)]


def test_what_is_no_finite_number_is_left_out(tmp_path: Path) -> None:
    curve = Curve(tmp_path / "c.jsonl", None)
    curve.resume(0)
    curve.add(1, {"a": float("nan"), "b": float("inf"), "c": "text", "d": 2})
    assert curve.rows == [{"step": 1, "d": 2.0}]


def test_a_metric_of_the_same_step_joins_its_row(tmp_path: Path, run: Run) -> None:
    curve = filled(tmp_path / "c.jsonl", run, 2)
    curve.flush()
    curve.add(2, {"held_out": 0.5})
    curve.flush()
    assert [json.loads(line)["step"] for line in (tmp_path / "c.jsonl").read_text().splitlines()] == [1, 2]
    assert (steps(run), steps(run, "held_out")) == ([1, 2], [2])


def test_a_second_flush_sends_nothing_twice(tmp_path: Path, run: Run) -> None:
    curve = filled(tmp_path / "c.jsonl", run, 3)
    assert curve.flush()
    assert curve.flush()
    assert steps(run) == [1, 2, 3]


def test_resuming_cuts_the_file_back_to_the_checkpoint(tmp_path: Path) -> None:
    filled(tmp_path / "c.jsonl", None, 5)
    again = Curve(tmp_path / "c.jsonl", None)
    again.resume(3)
    assert [row["step"] for row in again.rows] == [1, 2, 3]
    assert len((tmp_path / "c.jsonl").read_text().splitlines()) == 3


def test_a_line_torn_by_a_kill_is_dropped(tmp_path: Path) -> None:
    filled(tmp_path / "c.jsonl", None, 2)
    with (tmp_path / "c.jsonl").open("a") as stream:
        stream.write('{"step": 3, "train/rew')
    again = Curve(tmp_path / "c.jsonl", None)
    again.resume(9)
    assert [row["step"] for row in again.rows] == [1, 2]


@pytest.mark.parametrize("resumed_at", [0, 2, 4])
def test_steps_that_the_run_already_holds_are_not_sent_again(tmp_path: Path, run: Run, resumed_at: int) -> None:
    filled(tmp_path / "c.jsonl", run, 4).flush()
    again = Curve(tmp_path / "c.jsonl", run)
    again.resume(resumed_at)
    for step in range(resumed_at + 1, 7):
        again.add(step, {"train/reward": step / 10})
    again.flush()
    assert steps(run) == [1, 2, 3, 4, 5, 6]


def test_rows_wait_while_tracking_is_away(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    curve = filled(tmp_path / "c.jsonl", None, 3)
    curve.run = Run(get_client(), run.run_id)
    assert not curve.flush()
    assert "tracking at http://127.0.0.1:9: " in caplog.text
    assert "3 rows of the curve wait" in caplog.text
    curve.run = run
    assert curve.flush()
    assert steps(run) == [1, 2, 3]


def test_tracking_that_is_away_from_the_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="start the server or mend the store, or unset MLFLOW_TRACKING_URI") as got:
        Curve(tmp_path / "c.jsonl", Run(get_client(), "0" * 32)).resume(0)
    assert "\n" not in str(got.value)
