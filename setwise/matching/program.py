"""Answers that are programs: right if they pass the tests, the same if their canonical syntax trees are equal.

Programs are run by `setwise.sandbox`, all of a batch side by side. Where it can't run them that is an error, and where
it came to no verdict on one, its set has none: a program that was not judged is never scored as wrong.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from setwise.errors import InputError
from setwise.matching.canonical import canonical_program
from setwise.matching.gold import Gold, Matched

__all__ = ["ProgramJob", "ProgramRunner", "SandboxRunner", "canonical_program", "match_programs", "program_key"]

_FENCE = re.compile(r"([ \t]*)(?:(`{3,})[^`]*|(~{3,}).*)\r?")
_INLINE = re.compile(r"(`+)([^`\n]+)\1")
_PYTHON = re.compile(r"\W*py(thon)?3?\b", re.IGNORECASE)
"""What a fence says behind its marks, where its block is Python."""
_MARKS = "\ufeff\u200b"
"""Characters that do not show and stand around copied texts: the byte order mark, the zero-width space."""

UNDECIDED = {"timed_out": "code_timed_out", "refused": "code_refused"}
"""What a runner says where it has no verdict → the fault that leaves the set undecided."""


class ProgramJob(NamedTuple):
    """A program and what it must pass."""

    program: str
    tests: tuple[str, ...]
    setup: str = ""


class ProgramRunner(Protocol):
    """Runs programs on their tests."""

    def run(self, jobs: Sequence[ProgramJob]) -> list[str]:
        """The verdict of each job: `passed`, `failed` or `crashed`; `timed_out` or `refused` where there is none.

        A program that uses up the time it may have, on a machine that let it run, has `failed`. `timed_out` says
        nothing about the program: the machine had no time for it.

        Raises:
            InputError: programs can't be run here.
        """
        ...


class SandboxRunner:
    """Runs programs in `setwise.sandbox`."""

    def run(self, jobs: Sequence[ProgramJob]) -> list[str]:
        """See `ProgramRunner.run`."""
        try:
            from setwise.sandbox import Job, Status, detect_isolation, run_programs
        except ImportError as error:
            raise InputError(f"match code: the sandbox is not available ({error}); install setwise in full") from error
        detect_isolation()
        said = {Status.TIMED_OUT: "failed", Status.STALLED: "timed_out"}
        return [str(said.get(r.status, r.status)) for r in run_programs([Job(*job) for job in jobs])]


def match_programs(
    sets: Sequence[tuple[str, ...]], golds: Sequence[Gold], runner: ProgramRunner | None = None
) -> list[Matched]:
    """Run each distinct program of the batch on its question's tests.

    Sets with two equal programs are invalid whatever they pass, and text that is no Python passes nothing: neither is
    run.

    Raises:
        InputError: a question has no tests, or programs can't be run here.
    """
    keys = [tuple([program_key(answer) for answer in row]) for row in sets]
    jobs: dict[tuple[int, str], ProgramJob] = {}
    for index, (row, row_keys, gold) in enumerate(zip(sets, keys, golds, strict=True)):
        if not gold.tests:
            raise InputError("match code: a question has no tests; give the assertions a program must pass")
        if len(set(row_keys)) == len(row_keys):
            runnable = [answer for answer, key in zip(row, row_keys, strict=True) if key.startswith("program:")]
            jobs |= {(index, answer): ProgramJob(strip_fence(answer), gold.tests, gold.setup) for answer in runnable}
    distinct = list(dict.fromkeys(jobs.values()))
    verdicts = dict(zip(distinct, (runner or SandboxRunner()).run(distinct), strict=True)) if distinct else {}
    found = []
    for index, (row, row_keys) in enumerate(zip(sets, keys, strict=True)):
        said = [verdicts[jobs[index, answer]] if (index, answer) in jobs else "failed" for answer in row]
        faults = tuple([UNDECIDED[verdict] for verdict in said if verdict in UNDECIDED])
        found.append(Matched(row_keys, tuple([int(verdict == "passed") for verdict in said]), faults))
    return found


@lru_cache(maxsize=2**14)
def program_key(answer: str) -> str:
    """`program:` and a digest of the canonical syntax tree; `text:` and the words of what is no Python."""
    tree = canonical_program(strip_fence(answer))
    if tree is None:
        return "text:" + " ".join(answer.split())
    return "program:" + hashlib.sha256(tree.encode()).hexdigest()[:32]


def strip_fence(answer: str) -> str:
    """The program inside the one Markdown fence of an answer, closed or not; else the answer.

    Fences as in CommonMark: at least three backticks or tildes, indented or not, whatever is said behind them. Words
    around the fence are left out, but a program that holds a fence (in a docstring) is the program. Of several fenced
    blocks, the one that says it is Python; where that is none or more than one, the answer stays as it is: nobody knows
    which one is meant.
    """
    answer = answer.strip(_MARKS)
    if inline := _INLINE.fullmatch(answer.strip()):
        return inline[2]
    if "```" not in answer and "~~~" not in answer:
        return answer
    is_whole = _FENCE.fullmatch(answer.strip().split("\n", 1)[0]) is not None
    if not is_whole and canonical_program(answer) is not None:
        return answer
    blocks = _fenced_blocks(answer)
    meant = {block.program for block in blocks if block.is_python} or {block.program for block in blocks}
    return meant.pop() if len(meant) == 1 else answer


class _Block(NamedTuple):
    """What stands in a fence, and whether the fence says that it is Python."""

    program: str
    is_python: bool


def _fenced_blocks(answer: str) -> list[_Block]:
    """Each fenced block of an answer, without the fence's own indentation."""
    blocks: list[tuple[str, list[str]]] = []
    indent, mark, before = "", "", 0
    lines = answer.rstrip().split("\n")
    for at, line in enumerate(lines):
        bare = line.strip()
        if not mark:
            if opening := _FENCE.fullmatch(line):
                indent, mark, before = opening[1], opening[2] or opening[3], at
                blocks.append((bare.lstrip(mark[0]), []))
        # A fence that is indented deeper is text of the block: that of a docstring.
        elif bare.startswith(mark) and not bare.strip(mark[0]) and line.find(mark) < len(indent) + 4:
            mark = ""
        else:
            blocks[-1][1].append(line.removeprefix(indent))
    if mark and (block := blocks[-1][1]) and block[-1].endswith(mark):
        block[-1] = block[-1].removesuffix(mark)
    elif mark and before and not blocks[-1][0] and _is_no_program(block):
        blocks[-1] = ("", lines[:before])  # it ends what the prompt began
    return [_Block("\n".join(block).removesuffix("\r"), _PYTHON.match(said) is not None) for said, block in blocks]


def _is_no_program(lines: Sequence[str]) -> bool:
    text = "\n".join(lines)
    return not text.strip() or canonical_program(text) is None
