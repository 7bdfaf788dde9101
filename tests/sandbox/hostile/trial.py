"""What hostile programs are put to: a test, functions that fail and pass it, and limits to end them by."""

from __future__ import annotations

from setwise.sandbox import Limits

HANGING = Limits(wall_seconds=1.5)
BUSY = Limits(wall_seconds=20.0, cpu_seconds=1)
TEST = "assert f(1) == 2"
WRONG = "\ndef f(x):\n    return 3\n"
RIGHT = "\ndef f(x):\n    return 2\n"
