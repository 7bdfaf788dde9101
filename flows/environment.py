"""Where a workspace keeps Prefect's home, and the defaults that Prefect must find in the environment when imported."""

import os
from pathlib import Path

from setwise.quiet import TELEMETRY_OFF

LINE = "%(asctime)s | {run} | %(message)s"

DEFAULTS = {
    **TELEMETRY_OFF,
    "PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT": LINE.format(run="%(flow_name)s"),
    "PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT": LINE.format(run="%(task_run_name)s"),
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # In the server's memory, as by default, they end with it: a restart would stop a run that renews its slot.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def workspace_above(folder: Path) -> Path:
    """Return the nearest folder at or above ``folder`` that holds a ``dvc.yaml``; ``folder`` itself if none does."""
    here = folder.resolve()
    return next((candidate for candidate in (here, *here.parents) if (candidate / "dvc.yaml").is_file()), here)


def set_defaults() -> None:
    """Set what is not set yet. Prefect's home is ``.prefect`` in the workspace: no account or old database matters."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_HOME", str(workspace_above(Path.cwd()) / ".prefect"))
