"""Where a deployed flow run works: the clone that its worker was started for."""

import os
from pathlib import Path

from setwise.errors import InputError

WORKSPACE = "SETWISE_WORKSPACE"


def enter_workspace() -> dict[str, str]:
    """Prefect pull step: name the worker's own clone (``SETWISE_WORKSPACE``) as the run's working directory.

    Each machine has its clone where it likes; a deployment therefore names no path. Raises InputError if the worker was
    started without one.
    """
    folder = os.environ.get(WORKSPACE, "")
    if not folder or not (Path(folder) / "dvc.yaml").is_file():
        raise InputError(f"{WORKSPACE}={folder!r}: no clone with a dvc.yaml; start the worker with it set to one")
    return {"directory": folder}
