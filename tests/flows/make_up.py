"""A workspace under `make up`, as tests see it: its commands, and what the Prefect server answers about its runs."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows import services

HOUSE = Path(services.__file__).parent.parent
PYTHONPATH = os.pathsep.join((str(HOUSE), os.environ.get("PYTHONPATH", "")))


def act(root: Path, action: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`make <action>` in the workspace."""
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "PREFECT_HOME": str(root / ".prefect"), **settings}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "flows.services", action]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def configure(root: Path) -> None:
    """Give the workspace this repository's servers, workers, deployments and automations."""
    for name in ("supervisord.conf", "prefect.yaml", "automations.yaml"):
        shutil.copyfile(HOUSE / name, root / name)


def ask(url: str, content: dict[str, Any] | None = None) -> Any:
    """What the server answers to a GET, or to a POST of the content; asked again while it is busy, as Prefect does."""
    data = None if content is None else json.dumps(content).encode()
    for attempt in range(6):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, {"Content-Type": "application/json"})
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(2**attempt)
    raise AssertionError(f"{url}: the server was busy for a minute")


def flow_runs(api: str, state: str) -> list[dict[str, Any]]:
    """The runs in the state of this name."""
    return list(ask(f"{api}/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": [state]}}}}))


def start_rebuild(api: str) -> str:
    """What the button in the pages does; the new run's id."""
    deployment = ask(f"{api}/deployments/name/rebuild/rebuild")["id"]
    return str(ask(f"{api}/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])


def state_of(api: str, run: str) -> dict[str, Any]:
    """The state that the pages show for the run."""
    return dict(ask(f"{api}/flow_runs/{run}")["state"])


def until(condition: Callable[[], object], seconds: float, explain: Callable[[], str]) -> None:
    """Wait for the condition; where it never holds, fail with the explanation."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.5)


def server_logs(root: Path) -> str:
    """The ends of what the servers and workers have said."""
    return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in (root / ".prefect" / "logs").glob("*.log"))
