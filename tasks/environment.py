"""The environment that stages, servers and workers run in: nothing calls home, output is not buffered."""

import os
import sys
from pathlib import Path

from setwise.quiet import TELEMETRY_OFF


def child_environment() -> dict[str, str]:
    """Return this process's environment made quiet, with this Python and this code found first by child processes."""
    environment = {**TELEMETRY_OFF, **os.environ}
    python_home = str(Path(sys.executable).parent)
    path = environment.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != python_home:
        path = os.pathsep.join((python_home, path))
    roots = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    house = str(Path(__file__).resolve().parent.parent)
    if house not in roots:
        roots.append(house)
    return {**environment, "PATH": path, "PYTHONPATH": os.pathsep.join(roots), "PYTHONUNBUFFERED": "1"}
