"""The Prefect server of a run started by hand: the workspace's running one, else Prefect's own for the run's length."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from prefect.logging import get_logger
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, PREFECT_UI_URL

from flows.services import Services
from setwise.tracking_store import require_usable


@contextlib.contextmanager
def server_for(workspace: Path) -> Iterator[dict[Any, Any]]:
    """Yield settings that point at a Prefect API: ``PREFECT_API_URL``, the workspace's running server, or one made now.

    The one made here is the small one that Prefect makes where no address is set; it ends with this process. Raises
    InputError if the workspace or Prefect's home lies where its database can't be.
    """
    require_usable(workspace)
    if given := os.environ.get("PREFECT_API_URL") or Services(workspace).api():
        yield {PREFECT_API_URL: given}
        return
    home = Path(os.environ["PREFECT_HOME"])
    require_usable(home)
    _end_left_behind(home)
    get_logger().addFilter(lambda record: "temporary server" not in record.getMessage())  # an address without pages
    server = SubprocessASGIServer()
    with _without_interrupt():
        server.start()
    # No pages, so no links to them in the log. A server of this machine that does not answer is gone: Prefect would ask
    # for it for minutes.
    yield {PREFECT_API_URL: server.api_url, PREFECT_UI_URL: "", PREFECT_CLIENT_MAX_RETRIES: 3}


@contextlib.contextmanager
def _without_interrupt() -> Iterator[None]:
    """What is started in the block gets no Ctrl-C: in a terminal, that would take the server from under the flow."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end_left_behind(home: Path) -> None:
    """End the servers of runs that were killed, which Prefect leaves to themselves: they write to the same database."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # ended meanwhile, or another user's
            environment = process.environ()
            ours = environment.get("PREFECT__SERVER_EPHEMERAL") and environment.get("PREFECT_HOME") == str(home)
            if ours and not _has_starter(process):
                process.kill()


def _has_starter(server: psutil.Process) -> bool:
    """Whether the run that started a server is there; else its parent is what takes in orphans, such as init."""
    starter = server.parent()
    try:
        return starter is not None and starter.exe() == server.exe()
    except psutil.AccessDenied:  # as of init: a run of ours is of this user, who may look at it
        return False
