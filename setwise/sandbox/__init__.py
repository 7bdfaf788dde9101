"""The sandbox: runs programs that nobody has read on tests, and says how they did.

Each program has a process in fresh namespaces and hard limits; the tests run in another process, to which the program
can hand nothing but plain data. See docs/sandbox.md.
"""

from setwise.sandbox.job import Isolation, Job, Limits, Result, Status
from setwise.sandbox.programs import detect_isolation, run_program, run_programs

__all__ = ["Isolation", "Job", "Limits", "Result", "Status", "detect_isolation", "run_program", "run_programs"]
