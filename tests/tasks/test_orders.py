"""An order names a stage and a commit, and nothing that leads out of the clone that carries it out."""

import subprocess

import pytest
from pydantic import ValidationError

from setwise.errors import InputError
from setwise.yaml12 import dump_yaml, load_yaml
from tasks.orders import Order, check_home, lay_out


def order(stage: str, revision: str = "0" * 40) -> Order:
    return Order(stage=stage, upstream=("warmstart",), revision=revision, files={})


def test_checkpoints_lie_under_the_name_of_the_method() -> None:
    assert str(order("train@rlcr_multi").checkpoints) == "checkpoints/rlcr_multi"


@pytest.mark.parametrize("stage", ["train@../../other", "train@/etc", "train@..", "train", "train@", "-f@x y"])
def test_a_stage_that_is_none_is_refused(stage: str) -> None:
    with pytest.raises(ValidationError, match="stage"):
        order(stage)


@pytest.mark.parametrize("revision", ["main", "--upload-pack=x", "", "0" * 39])
def test_a_revision_that_is_no_commit_is_refused(revision: str) -> None:
    with pytest.raises(ValidationError, match="revision"):
        order("train@rlcr_multi", revision)


def lock_file(**digests: str) -> str:
    stages = {name.replace("_", "@", 1): {"cmd": "make", "outs": [{"md5": md5}]} for name, md5 in digests.items()}
    return dump_yaml({"schema": "2.0", "stages": stages})


def order_of(revision: str = "0" * 40, params: str = "rate: 1\n", **digests: str) -> Order:
    files = {"params.yaml": params, "dvc.lock": lock_file(**digests)}
    return Order(stage="train@a", upstream=("warmstart",), revision=revision, files=files)


def test_the_key_changes_with_what_the_stage_reads_and_with_nothing_else() -> None:
    key = order_of(warmstart="1", train_b="1").key
    assert order_of(warmstart="1", train_b="2", train_a="1").key == key
    changed = {
        order_of(warmstart="2").key,
        order_of(warmstart="1", params="rate: 2\n").key,
        order_of("1" * 40, warmstart="1").key,
    }
    assert len(changed | {key}) == 4


def test_orders_of_other_stages_of_the_same_code_params_and_inputs_need_the_clone_alike() -> None:
    one = order_of(warmstart="1")
    other = one.model_copy(update={"stage": "train@b", "home": "elsewhere"})
    assert (one.layout == other.layout, one.key == other.key) == (True, False)
    assert order_of("1" * 40, warmstart="1").layout != one.layout


def test_the_clone_that_orders_is_refused_once_its_params_or_code_have_changed(tmp_path) -> None:
    head = committed(tmp_path, "rate: 1\n")
    check_home(order_of(head), tmp_path)
    (tmp_path / "params.yaml").write_text("rate: 2\n")
    with pytest.raises(InputError, match="train@a: code or params have changed"):
        check_home(order_of(head), tmp_path)


def committed(folder, params: str) -> str:
    """Commit params and a lock file; the commit."""
    (folder / "params.yaml").write_text(params)
    (folder / "dvc.lock").write_text(lock_file(warmstart="old"))
    identity = ("-c", "user.name=x", "-c", "user.email=x")
    for words in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    return head.stdout.strip()


def test_a_clone_keeps_its_own_record_of_the_ordered_stage_and_takes_over_all_others(tmp_path) -> None:
    head = committed(tmp_path, "rate: 0\n")
    (tmp_path / "dvc.lock").write_text(lock_file(warmstart="old", train_a="own", train_b="own"))
    lay_out(order_of(head, warmstart="new", train_a="theirs", train_c="theirs"), tmp_path)
    expected = lock_file(warmstart="new", train_a="own", train_b="own", train_c="theirs")
    assert load_yaml((tmp_path / "dvc.lock").read_text()) == load_yaml(expected)
    assert (tmp_path / "params.yaml").read_text() == "rate: 1\n"
