"""Under `make up`, a rebuild that completes has its model registered and, as the first, made champion by itself."""

import json
import subprocess
import sys

import pytest
from listening import free_port
from make_up import act, ask, configure, server_logs, start_rebuild, state_of, until
from smoke_workspace import Workspace

from flows.services import Services
from setwise.digests import weights_digest
from setwise.registry.versions import GATE, get_aliased
from setwise.tracking import CHAMPION, WEIGHTS_TAG, get_client

pytestmark = pytest.mark.operations
MADE = ("prepare", "validate", "warmstart", "train@rlcr_multi")
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture
def clone(trained_workspace: Workspace, tmp_path):
    """A clone in which DVC knows the stages up to training as done; evaluation and report are to be run."""
    workspace = trained_workspace.copy(tmp_path / "clone")
    workspace.set(methods=["rlcr_multi"])
    configure(workspace.root)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=workspace.root, check=True)
    site = f"[core]\n    analytics = false\n    site_cache_dir = {workspace.root / '.dvc' / 'site'}\n"
    (workspace.root / ".dvc" / "config").write_text(site)
    subprocess.run([sys.executable, "-m", "dvc", "commit", "--quiet", "--force", *MADE], cwd=workspace.root, check=True)
    yield workspace
    act(workspace.root, "down")


def test_a_completed_rebuild_ends_with_a_champion(clone: Workspace) -> None:
    root = clone.root
    ports = {"SETWISE_PREFECT_PORT": str(free_port()), "SETWISE_MLFLOW_PORT": str(free_port())}
    came_up = act(root, "up", **ports)
    assert came_up.returncode == 0, came_up.stderr
    api = Services(root).api()
    rebuild = start_rebuild(api)
    until(lambda: state_of(api, rebuild)["type"] in FINAL, 400, lambda: server_logs(root))
    assert state_of(api, rebuild)["message"] == "stages: 3 ran, 4 unchanged", server_logs(root)

    promote = ask(f"{api}/deployments/name/promote/promote")["id"]

    def promotions() -> list[dict]:
        return list(ask(f"{api}/flow_runs/filter", {"deployments": {"id": {"any_": [promote]}}}))

    until(lambda: [run for run in promotions() if run["state"]["type"] in FINAL], 300, lambda: server_logs(root))
    (promotion,) = promotions()
    assert promotion["state"]["name"] == "Promoted", promotion
    champion = get_aliased(get_client(root), "setwise-clinic", CHAMPION)
    assert champion is not None
    assert champion.tags[WEIGHTS_TAG] == weights_digest(root / "models" / "rlcr_multi")
    assert json.loads(champion.tags[GATE])["verdict"] == "passed"
