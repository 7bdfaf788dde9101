"""What an answer set is: the layout of a completion, and the one parser and renderer of it."""

from setwise.answers.layout import AnswerSet, Layout, Reason, Span, Spans
from setwise.answers.parse import MAX_BYTES, Reading, parse, read, read_batch
from setwise.answers.render import render

__all__ = [
    "MAX_BYTES",
    "AnswerSet",
    "Layout",
    "Reading",
    "Reason",
    "Span",
    "Spans",
    "parse",
    "read",
    "read_batch",
    "render",
]
