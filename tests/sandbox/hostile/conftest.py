"""Programs that attack: none passes, none harms, each ends under its limit. After each, the sandbox still works."""

from __future__ import annotations

import pytest
from trial import RIGHT, TEST


@pytest.fixture(autouse=True)
def still_works(judge):
    """Whatever was run, the next honest program passes."""
    yield
    result = judge(RIGHT, TEST)
    assert result.passed, result.detail
