"""One worker of the math pool, run as a script: one pair of LaTeX expressions in (JSON line), one verdict out.

It imports nothing of setwise, so that it starts the same wherever setwise was imported from. A check that takes too
much processor time ends the worker by SIGPROF, one that takes too long by the clock by SIGALRM (no Python or C code of
the check can catch either), even if its parent is gone by then.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

MEMORY_BYTES = 4 * 2**30


def main() -> None:
    """Answer requests from standard input until it ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    seconds, wall_seconds = float(sys.argv[1]), float(sys.argv[2])
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _parse("x")
    _reply(replies, {"ready": True})
    for line in sys.stdin:
        gold, answer = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, wall_seconds)
        verdict = _compare(gold, answer)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, verdict)


def _reply(replies: Any, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _compare(gold: str, answer: str) -> dict[str, Any]:
    from math_verify import verify

    try:
        one, other = list(_parse(gold)), list(_parse(answer))
        equal = bool(one and other) and verify(one, other, timeout_seconds=None, raise_on_error=True)
    except (Exception, RecursionError, MemoryError) as error:  # noqa: BLE001 - whatever the algebra raises is a verdict
        return {"error": type(error).__name__}
    return {"equal": bool(equal)}


@lru_cache(maxsize=4096)
def _parse(latex: str) -> tuple[Any, ...]:
    """The expression, or nothing if the text is none. Only the LaTeX grammar: the other one evaluates Python."""
    from math_verify import LatexExtractionConfig, parse

    config = [LatexExtractionConfig()]
    return tuple(parse(f"${latex}$", config, fallback_mode="no_fallback", parsing_timeout=None))


if __name__ == "__main__":
    main()
