"""The trusted process: it runs the tests, with stand-ins for the program's definitions, and says the verdict.

Every comparison happens here, between plain data and what the test says; the program's code never runs here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from setwise.sandbox.job import Status
from setwise.sandbox.link import FROM_PROGRAM, EndedError, Link, Verdict
from setwise.sandbox.names import TestPlan, plan_tests
from setwise.sandbox.stand_in import StandIn

_DETAIL_CHARACTERS = 1000
_OWN_EXCEPTION = "catching classes that do not inherit from BaseException"
"""What Python says where a test catches an exception class of the program's, which stays over there."""


def check(job: dict[str, Any], link: Link) -> Verdict:
    """Load the program and run the tests, in order, to the first that fails."""
    try:
        plan = plan_tests(tuple(job["tests"]), job["setup"])
    except (SyntaxError, ValueError) as error:
        return Verdict(Status.REFUSED, f"tests or set-up are no Python: {error}")
    index: int | None = None
    doing = "program"
    try:
        link.load(job["setup"], job["program"])
        doing = "set-up"
        namespace = _prepare(plan, link)
        for index, test in enumerate(plan.tests):
            doing = job["tests"][index].strip()
            namespace |= link.names(plan.program_names)
            link.last = None
            exec(compile(test, "<test>", "exec", dont_inherit=True), namespace)
            if link.fault:  # a test that catches everything has hidden it
                raise EndedError
    except EndedError:
        assert link.fault
        return Verdict(link.fault.status, link.fault.detail, index)
    except BaseException as error:  # noqa: BLE001 - whatever a test raises is the verdict
        detail = _explain(doing, error, link)
        if FROM_PROGRAM not in vars(error) and _is_the_tests_fault(error):
            return Verdict(Status.REFUSED, detail)
        return Verdict(Status.CRASHED if index is None else Status.FAILED, detail, index)
    return Verdict(Status.PASSED)


def _prepare(plan: TestPlan, link: Link) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "tests"}
    namespace |= {name: importlib.import_module(name) for name in plan.modules}
    namespace |= link.names(plan.program_names)
    exec(compile(plan.setup, "<setup>", "exec", dont_inherit=True), namespace)
    return namespace


def _is_the_tests_fault(error: BaseException) -> bool:
    return isinstance(error, ImportError) or (
        type(error) is TypeError and _shown(error, str).startswith(_OWN_EXCEPTION)
    )


def _explain(doing: str, error: BaseException, link: Link) -> str:
    text, value = _shown(error, str), ""
    what = type(error).__name__ if type(error) is not AssertionError or text else "not so"
    if link.last is not None and not isinstance(link.last, StandIn):
        value = f" (the program's value: {_shown(link.last, repr)})"
    return f"{doing[:400]}: {what}{f': {text}' if text else ''}{value}"[:_DETAIL_CHARACTERS]


def _shown(value: object, write: Callable[[object], str]) -> str:
    """What a value says of itself, which changes no verdict: an object in it is the program's, and may end over it."""
    try:
        return write(value)
    except RecursionError:
        return "nested too deeply to be shown"
    except ValueError:
        return "an integer of thousands of digits"
    except (Exception, EndedError):  # noqa: BLE001 - whatever the program's own text raises
        return "it cannot be shown"
