"""What an answer set is: the layout of a completion, and the one parser and renderer of it."""

from setwise.answers.layout import AnswerSet, Layout, Reason
from setwise.answers.parse import parse
from setwise.answers.render import render

__all__ = ["AnswerSet", "Layout", "Reason", "parse", "render"]
