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
_REALS = re.compile(
    r"(?:the )?(?:set of )?all (?:real numbers|real values|reals|real)(?: of)?(?: [a-z])?", re.IGNORECASE
)
_NOTHING = re.compile(
    r"(?:the |an )?(?:empty|null) set|(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?)(?: exists?)?\.?",
    re.IGNORECASE,
)
"""Words that say that a set is empty."""
_IN_TEXT = re.compile(r"\\(?:text|mathrm|textbf|textrm|mbox)\s*\{([^{}]*)\}")
_LABEL = re.compile(r"\(?\s*([A-Z])\s*[).]?")
"""What a choice among several is called."""
_ELEMENT = (
    "A[cglrstu]|B[aeir]?|C[adelorsu]?|F[er]?|Ga|Ge|H[efg]?|I[nr]?|Kr?|L[iau]|M[gno]|N[aeib]?|O|P[abdtu]?|R[abn]"
    "|S[bceinr]?|T[eil]|U|V|W|Xe|Y|Z[nr]"
)
_COMPOUND = re.compile(rf"(?:(?:{_ELEMENT})(?:[2-9]|1\d)?|\((?:(?:{_ELEMENT})[2-9]?)+\)[2-9]?){{2,}}(?:\^\d?[-+])?")
_HEXADECIMAL = re.compile(r"[0-9A-F]+\s*_\s*\{?\s*1\d\s*\}?")
_ION = re.compile(rf"(?:{_ELEMENT})\d?\^\d?[-+]")
_LETTERS = re.compile(r"[xyz]{2,3}|ab|ba|bc|cb|ac|ca|abc|pq|qp|mn|nm")
"""Products of letters that are no words."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A prepared answer; two are compared by `equality`, never by `==`.

    Attributes:
        value: what it is.
        latex: how it is written, in plain LaTeX; for words, their normalised text.
        is_read: not for a formula that could not be read and is compared sign by sign.
    """

    value: Value
    latex: str
    is_read: bool = True

    @property
    def is_words(self) -> bool:
        """Whether it is no mathematics and is compared as text."""
        return isinstance(self.value, Words)

    @property
    def key(self) -> str:
        """A text that equal numbers, quantities and spellings share."""
        return f"{'text' if self.is_words else 'math'}:{show(self.value)}"


def prepare(answer: str) -> Expression:
    """Prepare a gold alias or an answer for comparison; long ones are not remembered, which would fill the memory."""
    return _prepare(answer) if len(answer) <= MAX_CHARACTERS else _words(answer)


@lru_cache(maxsize=2**16)
def _prepare(answer: str) -> Expression:
    text = unwrap(answer)
    latex = unwrap(multiply_out(clean(text))) if text else ""
    if len(latex) > 2 * MAX_CHARACTERS:
        return _words(text)
    plain = " ".join(_IN_TEXT.sub(r" \1 ", latex).split())
    if _REALS.fullmatch(plain):
        latex = r"\mathbb{R}"
    if (label := _LABEL.fullmatch(plain)) is not None:
        return Expression(Number(("s", label[1]), label[1]), label[1])
    if (time := read_time(latex)) is not None:
        return Expression(time, latex)
    if _EMPTY_SET.fullmatch(latex) or _NOTHING.fullmatch(plain):
        return Expression(EMPTY, r"\emptyset")
    if (formula := _chemical(latex)) is not None:
        return Expression(Words(formula), formula)
    if _is_words(latex):
        return _words(text)
    try:
        return Expression(read_value(latex), latex)
    except ForeignError:
        return _unread(text, latex) if is_upright(latex) else Expression(Number(None, _builder(latex)), latex)
    except UnreadableError:
        return _unread(text, latex)


def _words(text: str) -> Expression:
    normal = normalise_text(text)
    return Expression(Words(normal), normal)


def _unread(text: str, latex: str) -> Expression:
    """What could not be read: words as text, a formula by each of its signs (of which a text's form drops some)."""
    bare = _COMMAND.sub(" ", _IN_TEXT.sub(r" \1 ", latex))
    if [word for word in _WORD.findall(bare) if not _NAME.fullmatch(word) and not _LETTERS.fullmatch(word)]:
        return _words(text)
    signs = re.sub(r"\{(\w)\}", r"\1", "".join(_builder(latex).split()))
    return Expression(Words(signs), signs, is_read=False)


def _builder(latex: str) -> str:
    """A set that is described, with a bar before its condition."""
    return re.sub(r"\s*[:|]\s*", "|", latex) if latex.startswith(r"\{") else latex


def _chemical(latex: str) -> str | None:
    """The chemical formula that a text is: H2O, `\\mathrm{Na}^+`; of more than one letter, and not just letters."""
    if not any(sign in latex for sign in "_^0123456789"):
        return None
    if _HEXADECIMAL.fullmatch(latex):
        return None
    plain = "".join(_IN_TEXT.sub(r"\1", latex).split()).replace(r"\ce", "")
    plain = re.sub("[_{}]", "", plain)
    plain = re.sub(r"(?<=[A-Za-z)\d])(?<!\^)([-+])\Z", r"^\1", plain) if plain.endswith(("+", "-")) else plain
    return plain if _COMPOUND.fullmatch(plain) or _ION.fullmatch(plain) else None


def _is_words(text: str) -> bool:
    """Whether the text is words: letters in runs, and nothing that makes it a formula."""
    if _LETTERS.fullmatch(text):
        return False
    bare = _COMMAND.sub(" ", text)
    words = [word for word in _WORD.findall(bare) if not _NAME.fullmatch(word)]
    shows = any(character.isalnum() or character == "∞" for character in text)
    return (bool(words) and not _MATHS.search(text)) or not shows
