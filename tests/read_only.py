"""A folder or file that nobody can write for a while, root included."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """`path` can't be written until the block ends: mounted read-only, or, where that is refused, by its permissions.

    Permissions don't bind root; where root may not mount, the test is skipped.
    """
    assert path.exists(), path
    if os.geteuid() != 0:
        before = path.stat().st_mode
        path.chmod(before & 0o555)
        try:
            yield
        finally:
            path.chmod(before)
        return
    if subprocess.run(["mount", "--bind", str(path), str(path)], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here, and permissions do not bind root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(path)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
