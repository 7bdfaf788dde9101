from __future__ import annotations

import pytest

from setwise.errors import InputError
from setwise.sandbox import Isolation, Job, Limits, Result, detect_isolation, run_programs

SHORT = Limits(wall_seconds=5.0, cpu_seconds=1, memory_bytes=256 << 20)


def _problem(isolation: Isolation) -> str:
    try:
        detect_isolation(isolation)
    except InputError as error:
        return str(error)
    return ""


@pytest.fixture(params=[Isolation.NAMESPACES, Isolation.BUBBLEWRAP], ids=str, scope="session")
def isolation(request):
    """Each isolation that this machine has."""
    if problem := _problem(request.param):
        pytest.skip(problem)
    return request.param


@pytest.fixture
def judge(isolation):
    """Run one program on tests, with short limits, in each isolation."""

    def run(program: str, *tests: str, setup: str = "", limits: Limits = SHORT) -> Result:
        return run_programs([Job(program, tests, setup)], limits, isolation, workers=2)[0]

    return run
