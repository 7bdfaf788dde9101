"""Completion text → `AnswerSet`, or the `Reason` why it is none. One pass, linear in the text."""

from __future__ import annotations

import re

from setwise.answers.layout import AnswerSet, Layout, Reason

_BLOCK = re.compile(r"<(think|analysis|answer\d{0,3}|confidence\d{0,3})>([^<]*)</\1>", re.ASCII)
_DECIMAL = re.compile(r"(?:0(?:\.\d+)?|1(?:\.0+)?|\.\d+)", re.ASCII)


def parse(text: object, layout: Layout) -> AnswerSet | Reason:
    """Read one completion. Never raises on any `text`; see `Reason` for what can be wrong."""
    if not isinstance(text, str):
        return Reason.NOT_TEXT
    if not text.strip():
        return Reason.EMPTY
    blocks = _BLOCK.findall(text)
    if not blocks or blocks[0][0] != "think":
        return Reason.NO_THINK
    numbers = [""] if layout.k == 1 else [str(i) for i in range(1, layout.k + 1)]
    pairs = [("answer" + n, "confidence" + n) for n in numbers]
    interleaved = [tag for pair in pairs for tag in (pair if layout.confidences else pair[:1])]
    tags = [name for name, _ in blocks[1:]]
    if len(tags) != len(interleaved):
        return Reason.MISSING if len(tags) < len(interleaved) else Reason.EXTRA
    if tags != interleaved:
        return Reason.UNORDERED
    if _BLOCK.sub("", text).strip():
        return Reason.STRAY_TEXT
    contents = {name: content.strip() for name, content in blocks}
    answers = tuple(contents[answer] for answer, _ in pairs)
    if not all(answers):
        return Reason.EMPTY_ANSWER
    if not layout.confidences:
        return AnswerSet(answers, None, contents["think"])
    stated = [contents[confidence] for _, confidence in pairs]
    if not all(_DECIMAL.fullmatch(q) for q in stated):
        return Reason.BAD_CONFIDENCE
    return AnswerSet(answers, tuple(float(q) for q in stated), contents["think"])
