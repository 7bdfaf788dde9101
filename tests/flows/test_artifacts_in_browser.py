"""Artifacts as Prefect's own pages show them in a browser: what was planted is read there and does not run."""

import os
import re
import subprocess
import sys
import time
from html import unescape

import pytest
from browser import after_scripts
from listening import free_port
from planted import MARK, TEXTS
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.rebuild import _publish
from flows.services import answers
from flows.side_by_side import Rebuild
from tasks.artifacts import show_table
from tasks.stages import StageOutcome

pytestmark = pytest.mark.operations
START_SECONDS = 180
LIVE = re.compile(r"href=\"javascript:|<(?:img src=\"?x|svg onload|details open)")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Prefect server with its pages; its address."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": f"{address}/api"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{address}/api/health"):
            assert process.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.3)
        with temporary_settings({PREFECT_API_URL: f"{address}/api"}):
            yield address
    finally:
        process.terminate()
        process.wait()


@flow(name="shows-artifacts")
def show_planted(workspace):
    outcomes = {f"stage {n}": StageOutcome(f"stage {n}", "failed", 0.0, text) for n, text in enumerate(TEXTS)}
    _publish(workspace, Rebuild(outcomes), lambda _line: None)
    show_table([{"param": text, text: "0.5"} for text in TEXTS], key="leaderboard", description=" ".join(TEXTS))


def test_planted_texts_are_shown_on_the_page_of_an_artifact_and_do_not_run(server, tmp_path):
    show_planted(tmp_path)
    with get_client(sync_client=True) as client:
        found = {artifact.key: artifact.id for artifact in client.read_artifacts()}
    assert set(found) == {"stages", "leaderboard"}
    for identity in found.values():
        page = after_scripts(f"{server}/artifacts/artifact/{identity}", tmp_path, ready="p-table-body")
        assert f"<title>{MARK}" not in page
        assert not LIVE.search(page)
        read = " ".join(unescape(re.sub(r"<[^>]*>", "", page)).split())
        for text in TEXTS:
            assert " ".join(text.split()) in read
