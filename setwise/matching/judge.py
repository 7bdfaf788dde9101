"""The one judge: completion text and gold → parsed answers, their keys and hits, or the reason it is invalid.

Training, evaluation and the served model all judge with this function, so a completion scores the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from setwise.answers import Layout, Reason, parse


@dataclass(frozen=True)
class Gold:
    """What is right for one question.

    Attributes:
        answers: the gold set `Y*`; each gold answer is a tuple of aliases.
        match: which matcher decides: `exact`, `text`, `math` or `code`.
        tests: for `code`, the assertions a program must pass.
        setup: for `code`, code run before the program.
        exclusive: at most one answer is true (confidences should sum to at most 1).
    """

    answers: tuple[tuple[str, ...], ...]
    match: str = "text"
    exclusive: bool = False
    tests: tuple[str, ...] = ()
    setup: str = ""


@dataclass(frozen=True)
class Judgement:
    """One judged completion. `answers`, `keys`, `hits` and `confidences` are aligned and in the order stated.

    An invalid completion has a `reason`; what could be parsed is kept for display, its `hits` are all 0.
    """

    answers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    hits: tuple[int, ...] = ()
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    reason: Reason | None = None

    @property
    def valid(self) -> bool:
        """Whether the completion is a valid answer set."""
        return self.reason is None


def judge(text: object, gold: Gold, layout: Layout) -> Judgement:
    """Parse `text` in `layout` and match each answer against `gold` (DESIGN words: key, hit, valid completion)."""
    parsed = parse(text, layout)
    if isinstance(parsed, Reason):
        return Judgement(reason=parsed)
    index = {" ".join(a.casefold().split()): i for i, aliases in enumerate(gold.answers) for a in aliases}
    names = [" ".join(a.casefold().split()) for a in parsed.answers]
    keys = tuple(f"gold:{index[n]}" if n in index else f"text:{n}" for n in names)
    duplicate = len(set(keys)) < len(keys)
    hits = tuple(0 if duplicate else int(key.startswith("gold:")) for key in keys)
    reason = Reason.DUPLICATE if duplicate else None
    return Judgement(parsed.answers, keys, hits, parsed.confidences, parsed.reasoning, reason)
