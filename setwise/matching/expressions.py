r"""What is written as a mathematical answer → what it is: a typed value (`values`) that is compared.

Gold and answers go through the same reading, whichever side they stand on. Words are told from mathematics, because a
computer algebra system reads "even" as the product e·v·e·n.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from setwise.matching.notation import FUNCTIONS, clean, unwrap
from setwise.matching.quantities import multiply_out
from setwise.matching.structures import EMPTY, is_upright, read_value
from setwise.matching.text import normalise_text
from setwise.matching.times import read_time
from setwise.matching.trees import ForeignError, UnreadableError
from setwise.matching.values import Number, Value, Words, show

MAX_CHARACTERS = 2000
"""A longer answer is compared as text."""

_NAMES = f"{'|'.join(FUNCTIONS)}|pi|infty|sqrt|infinity|inf|oo"
_NAME = re.compile(_NAMES)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_MATHS = re.compile(r"[\d+*/^=<>|{}\[\]\\$€£]|\w\s*-\s*\w")
_EMPTY_SET = re.compile(r"\\emptyset|\\varnothing|\\?\{\s*\\?\}|∅")
_REALS = re.compile(r"(?:the )?(?:set of )?all (?:real|reals|real numbers|real values)(?: of x)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A prepared answer; two are compared by `equality`, never by `==`.

    Attributes:
        value: what it is.
        latex: how it is written, in plain LaTeX; for words, their normalised text.
    """

    value: Value
    latex: str

    @property
    def is_words(self) -> bool:
        """Whether it is no mathematics and is compared as text."""
        return isinstance(self.value, Words)

    @property
    def key(self) -> str:
        """A text that equal numbers, quantities and spellings share."""
        return f"{'text' if self.is_words else 'math'}:{show(self.value)}"


@lru_cache(maxsize=2**16)
def prepare(answer: str) -> Expression:
    """Prepare a gold alias or an answer for comparison."""
    text = unwrap(answer) if len(answer) <= MAX_CHARACTERS else answer
    if len(text) > MAX_CHARACTERS:
        return _words(text)
    latex = unwrap(multiply_out(clean(text))) if text else ""
    if len(latex) > 2 * MAX_CHARACTERS:
        return _words(text)
    if _REALS.fullmatch(latex):
        latex = r"\mathbb{R}"
    if (time := read_time(latex)) is not None:
        return Expression(time, latex)
    if _EMPTY_SET.fullmatch(latex):
        return Expression(EMPTY, r"\emptyset")
    if _is_words(latex):
        return _words(text)
    try:
        return Expression(read_value(latex), latex)
    except ForeignError:
        return _words(text) if is_upright(latex) else Expression(Number(None, latex), latex)
    except UnreadableError:
        return _words(text)


def _words(text: str) -> Expression:
    normal = normalise_text(text)
    return Expression(Words(normal), normal)


def _is_words(text: str) -> bool:
    """Whether the text is words: letters in runs, and nothing that makes it a formula."""
    bare = _COMMAND.sub(" ", text)
    words = [word for word in _WORD.findall(bare) if not _NAME.fullmatch(word)]
    shows = any(character.isalnum() or character == "∞" for character in text)
    return (bool(words) and not _MATHS.search(text)) or not shows
