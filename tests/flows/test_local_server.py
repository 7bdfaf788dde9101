"""A run started by hand uses the server that `make up` started here, and no other that has come to its port."""

import http.server
import json
import threading

import psutil
import pytest

from flows.local_server import running_server


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api():
    """The address of something that answers as a Prefect server does."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "age", "used"),
    [
        ("prefect-server", 0.0, True),
        ("prefect-server", 1000.0, False),
        ("mlflow", 0.0, False),
    ],
)
def test_a_recorded_server_is_used_only_while_its_process_lives(tmp_path, api, name, age, used) -> None:
    process = psutil.Process()
    record = {"name": name, "pid": process.pid, "started": process.create_time() - age}
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "up.json").write_text(json.dumps({"prefect_api": api, "processes": [record]}))
    assert running_server(tmp_path) == (api if used else None)
