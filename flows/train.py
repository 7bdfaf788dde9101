"""Bring the training stages up to date on the machine this runs on: the flow that the ``gpu`` work pool serves."""

from typing import Any

from prefect import flow
from prefect.states import State

from flows.rebuild import rebuild
from flows.workspace_lock import IfBusy


@flow(name="train", description="Brings the training stages, and all they need, up to date here.", persist_result=False)
def train(methods: tuple[str, ...] = (), workspace: str = ".", if_busy: IfBusy = "wait") -> "State[Any]":
    """Train one method after another: a GPU has room for one. The returned state's data is a ``Rebuild``.

    Args:
        methods: Methods to train, as in params.yaml (`rlcr_multi`). Empty: all of them.
        workspace: Folder of the clone to train in.
        if_busy: When another rebuild of this workspace is running: wait for it, or skip this run.
    """
    targets = tuple(f"train@{method}" for method in methods) or ("train",)
    return rebuild(workspace=workspace, targets=targets, max_parallel=1, if_busy=if_busy, return_state=True)
