"""Headless Chromium: a page of a given width, and what a script finds in it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no page reaches out, wherever the tests run
)
_LISTEN = "<script>parent.errors = []; addEventListener('error', e => parent.errors.push(String(e.message)));</script>"
_FRAME = """<!doctype html><body style="margin:0">
<iframe id="frame" style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe><pre id="found"></pre>
<script>
document.getElementById("frame").addEventListener("load", () => {{
  const frame = document.getElementById("frame"), doc = frame.contentDocument, win = frame.contentWindow;
  let found;
  try {{ found = (() => {{ {script} }})(); }} catch (e) {{ errors.push("check: " + e); }}
  document.getElementById("found").textContent = JSON.stringify({{found, errors}});
}});
</script>"""


def chromium() -> str:
    """The browser's path; the test is skipped where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on PATH (Debian: apt-get install chromium)")
    return found


def after_scripts(address: str, folder: Path, ready: str = "") -> str:
    """The page at an address as HTML, once its scripts have run; tried again until `ready` stands in it."""
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [chromium(), *_FLAGS, profile, "--virtual-time-budget=10000", "--dump-dom", address]
    for _ in range(5):
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
        if ready in done.stdout:
            return done.stdout
    raise AssertionError(f"{ready!r} is not on the page {address}: {done.stdout[-3000:]}")


def look(page: str, width: int, script: str, folder: Path) -> Any:
    """Open a page `width` pixels wide and return what `script` returns there; `doc` and `win` are the page's.

    Fails on any script error, in the page or in the check.
    """
    assert "<head>" in page, "the page has no head to listen in"
    heard = page.replace("<head>", "<head>" + _LISTEN, 1)
    outer = folder / "outer.html"
    outer.write_text(_FRAME.format(width=width, page=html.escape(heard), script=script), encoding="utf-8")
    dom = after_scripts(outer.as_uri(), folder)
    answer = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert answer and answer[1], f"the page did not load: {dom[-2000:]}"
    result = json.loads(html.unescape(answer[1]))
    assert result["errors"] == []
    return result["found"]
