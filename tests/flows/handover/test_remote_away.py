"""A remote that can't be reached: told by name, nothing lost, and nothing trained again."""

import shutil
import threading
import time

import pytest
from machines import rebuild_on_gpu

pytestmark = pytest.mark.operations


def test_an_unreachable_remote_is_named_loses_nothing_and_works_on_retry(shared, machine, tmp_path):
    shutil.rmtree(tmp_path / "remote", ignore_errors=True)
    (tmp_path / "remote").write_text("not a folder")
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 1
    assert "dvc push" in result.summary()
    assert shared.outputs() == {"data/prepared.txt": "raw\nprepare 1\n"}
    (tmp_path / "remote").unlink()
    machine("there", 0.0)
    assert rebuild_on_gpu(shared).exit_code == 0


@pytest.mark.parametrize("remote", ["ssh"], indirect=True)
def test_a_remote_that_goes_away_in_training_is_told_and_what_was_trained_is_not_trained_again(
    shared, remote, machine, tmp_path
):
    machine("there", 1.0)
    log = tmp_path / "there.log"

    def away_for_a_while_and_then_for_good() -> None:
        while not any("manifest.json" in name for name in remote.names("checkpoints")):
            time.sleep(0.2)
        remote.stop()
        while "checkpoints: not copied to the remote" not in log.read_text():
            time.sleep(0.2)
        remote.start()
        while "checkpoints: copied again" not in log.read_text():
            time.sleep(0.2)
        remote.stop()

    outage = threading.Thread(target=away_for_a_while_and_then_for_good)
    outage.start()
    result = rebuild_on_gpu(shared)
    outage.join()
    assert (result.exit_code, "train@a: dvc push: " in result.summary()) == (1, True), (
        result.summary(),
        log.read_text(),
    )
    assert "models/a.txt" not in shared.outputs()
    remote.start()
    result = rebuild_on_gpu(shared)
    assert result.exit_code == 0, (result.summary(), log.read_text())
    assert (tmp_path / "training.log").read_text() == f"train@a from 0 in {tmp_path / 'there'}\n"
    assert shared.outputs()["models/a.txt"] == "raw\nprepare 1\ntrain@a 1\n"
