"""`make audit` against a database of our own: clean, vulnerable, ignored, away."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from smoke_workspace import REPOSITORY

PINNED = "alpha==1.0\nbeta==2.0\n"
BAD_BETA = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-0001"],
    "summary": "bad",
    "details": "very bad",
    "affected": [
        {
            "package": {"name": "beta", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class Database(ThreadingHTTPServer):
    """Speaks OSV's protocol; `bad` maps a package to its vulnerabilities."""

    bad: dict[str, list[dict]]
    asked: list[str]


class Answering(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        name = json.loads(self.rfile.read(int(self.headers["content-length"])))["package"]["name"]
        self.server.asked.append(name)
        body = json.dumps({"vulns": self.server.bad[name]} if name in self.server.bad else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def database() -> Iterator[Database]:
    server = Database(("127.0.0.1", 0), Answering)
    server.bad, server.asked = {}, []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def audit(folder: Path, address: str, ignored: str = "", pinned: str = PINNED) -> "subprocess.CompletedProcess[str]":
    (folder / "pinned.txt").write_text(pinned)
    (folder / "ignored.toml").write_text(ignored)
    command = [sys.executable, str(REPOSITORY / ".ci" / "audit.py"), "pinned.txt", "ignored.toml"]
    environment = {"SETWISE_AUDIT_DATABASE": address, "XDG_CACHE_HOME": str(folder), "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def address_of(database: Database) -> str:
    return f"http://127.0.0.1:{database.server_address[1]}/v1/query"


def test_every_pinned_package_is_looked_up_and_a_clean_list_passes(database: Database, tmp_path: Path) -> None:
    done = audit(tmp_path, address_of(database))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("audit: 2 packages, 0 vulnerabilities, 0 ignored, 0 not checked")
    assert {"alpha", "beta"} <= set(database.asked)


def test_a_vulnerability_fails_with_the_package_the_id_and_the_fixed_version(
    database: Database, tmp_path: Path
) -> None:
    database.bad = {"beta": [BAD_BETA]}
    done = audit(tmp_path, address_of(database))
    assert done.returncode == 1
    line = done.stdout.splitlines()[0]
    assert line.startswith("vulnerable: beta 2.0: ")
    assert all(part in line for part in ("GHSA-aaaa-bbbb-cccc", "CVE-2026-0001", "fixed in 2.1"))


@pytest.mark.parametrize("named", ["GHSA-aaaa-bbbb-cccc", "CVE-2026-0001"])
def test_one_on_the_ignore_list_passes_and_is_shown_with_its_reason(
    named: str, database: Database, tmp_path: Path
) -> None:
    database.bad = {"beta": [BAD_BETA]}
    done = audit(tmp_path, address_of(database), f'[[ignore]]\nid = "{named}"\nreason = "we never call it"\n')
    assert done.returncode == 0
    assert done.stdout.startswith("ignored: beta 2.0: ")
    assert "(we never call it)" in done.stdout


def test_an_entry_that_is_no_longer_needed_is_named(database: Database, tmp_path: Path) -> None:
    done = audit(tmp_path, address_of(database), '[[ignore]]\nid = "CVE-1"\nreason = "old"\n')
    assert (done.returncode, "no longer found: CVE-1" in done.stdout) == (0, True)


def test_an_entry_without_a_reason_is_refused(database: Database, tmp_path: Path) -> None:
    done = audit(tmp_path, address_of(database), '[[ignore]]\nid = "CVE-1"\nreason = " "\n')
    assert done.returncode == 2
    assert "each entry needs an id and a reason" in done.stderr


def test_without_a_database_the_check_is_skipped_and_says_so(tmp_path: Path) -> None:
    done = audit(tmp_path, "http://127.0.0.1:9/v1/query")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("audit skipped: no database of vulnerabilities can be reached (http://127.0.0.1:9")
    assert "Connection refused" in done.stdout


def test_a_list_that_cannot_be_read_fails_and_is_not_taken_for_clean(database: Database, tmp_path: Path) -> None:
    done = audit(tmp_path, address_of(database), pinned="beta>=1\n===\n")
    assert done.returncode == 2
    assert done.stderr.startswith("audit failed: pip-audit gave no result: ")


def test_the_ignore_list_in_place_is_sound(database: Database, tmp_path: Path) -> None:
    in_place = (REPOSITORY / ".ci" / "audit-ignore.toml").read_text()
    assert audit(tmp_path, address_of(database), in_place).returncode == 0
