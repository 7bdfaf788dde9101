"""Known vulnerabilities of the pinned dependencies, by pip-audit: `make audit`.

Asks OSV, or the database that `SETWISE_AUDIT_DATABASE` names, an address that speaks OSV's protocol. Where it can't be
reached the check is skipped, says so and exits 0. A vulnerability that `.ci/audit-ignore.toml` does not name exits 1;
anything else that is wrong exits 2.
"""

import json
import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev/v1/query"
PROBE = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.0"}
TIMEOUT_S = 15


@dataclass(frozen=True)
class Vulnerability:
    """One known vulnerability of a pinned package."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fixed version yet"
        return f"{self.package} {self.version}: {' = '.join(self.ids)}: {remedy}"


class AuditError(RuntimeError):
    """The audit can't be made; one line says why."""


def why_silent(address: str) -> str | None:
    """Why a database does not answer as one; None where it does."""
    request = urllib.request.Request(address, json.dumps(PROBE).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            content = json.load(answer)
    except (OSError, ValueError) as error:  # URLError and HTTPError are OSErrors
        return " ".join(str(error).split())
    return None if isinstance(content, dict) else "answers with something else"


def audit(pinned: Path, database: str) -> tuple[list[Vulnerability], dict[str, str], int]:
    """The vulnerabilities found, the packages that could not be checked with the reason, and how many there are in all.

    Raises AuditError where pip-audit gives no result.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", database]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise AuditError(f"pip-audit gave no result: {last[-300:]}") from error
    found = [
        Vulnerability(p["name"], p["version"], (v["id"], *v["aliases"]), tuple(v["fix_versions"]))
        for p in packages
        for v in p.get("vulns", ())
    ]
    return found, {p["name"]: p["skip_reason"] for p in packages if "skip_reason" in p}, len(packages)


def read_ignored(path: Path) -> dict[str, str]:
    """Id → reason. Raises AuditError for an entry without an id or a reason."""
    ignored = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("ignore", []):
        identity, reason = str(entry.get("id", "")).strip(), str(entry.get("reason", "")).strip()
        if not identity or not reason:
            raise AuditError(f"{path.name}: {entry}: each entry needs an id and a reason")
        ignored[identity] = reason
    return ignored


def main(pinned: Path = HOUSE / "constraints.txt", ignore_list: Path = HOUSE / ".ci" / "audit-ignore.toml") -> int:
    """Audit and say what was found; 0, 1 or 2."""
    try:
        ignored = read_ignored(ignore_list)
        database = os.environ.get("SETWISE_AUDIT_DATABASE") or OSV
        if silent := why_silent(database):
            print(f"audit skipped: no database of vulnerabilities can be reached ({database}: {silent})")
            return 0
        found, unchecked, count = audit(pinned, database)
    except (AuditError, OSError, tomllib.TOMLDecodeError) as error:
        print(f"audit failed: {error}", file=sys.stderr)
        return 2
    left = [v for v in found if not ignored.keys() & set(v.ids)]
    for vulnerability in found:
        reason = next((ignored[i] for i in vulnerability.ids if i in ignored), None)
        print(f"vulnerable: {vulnerability}" if reason is None else f"ignored: {vulnerability} ({reason})")
    for name, why in unchecked.items():
        print(f"not checked: {name}: {why}")
    for stale in ignored.keys() - {i for v in found for i in v.ids}:
        print(f"no longer found: {stale}: take it out of {ignore_list.name}")
    counts = f"{len(left)} vulnerabilities, {len(found) - len(left)} ignored, {len(unchecked)} not checked"
    print(f"audit: {count} packages, {counts} (asked: {database})")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
