"""Mathematics over any dataset with a problem column and an answer column; answers are compared symbolically."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from setwise.domains._given_answers import GivenAnswersParams, read_column, read_gold
from setwise.domains._readings import are_distinct
from setwise.domains.base import Domain, Example, Expectation, Prepared
from setwise.domains.splits import Dropped, load_splits
from setwise.matching.expressions import prepare
from setwise.matching.symbolic import is_read
from setwise.sources import Rows, read_text

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
r"""`\boxed{5}`, `\boxed 5` and `\fbox{5}`, as MATH writes them."""
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""A brace that counts; one behind a backslash is part of the formula."""


class _NoAnswerError(ValueError):
    """A text holds no final answer."""


class MathParams(GivenAnswersParams):
    r"""Params of `math`.

    Attributes:
        answer_in: the answer is the `whole` text; stands after the last `####` (`hashes`, as in GSM8K); or in the last
            `\boxed{…}`, `\boxed …` or `\fbox{…}` (`boxed`, as in MATH). Rows without it are dropped and counted.
    """

    name: Literal["math"] = "math"
    answer_in: Literal["whole", "hashes", "boxed"] = "whole"


class Math(Domain):
    """The domain."""

    name: ClassVar[str] = "math"
    match: ClassVar[str] = "math"
    instruction: ClassVar[str] = "Solve the problem and give the final answer alone."
    Params = MathParams

    def exclusive(self, params: MathParams) -> bool:
        """As `exclusive` and `answer_is` say."""
        return params.is_exclusive

    def load(self, params: MathParams, seed: int) -> Prepared:
        """Load the splits; answers are open, so there is no vocabulary."""

        def make(rows: Rows, index: int, _split: str) -> Example | Dropped:
            row, place = rows.rows[index], rows.place(index)
            question = read_text(read_column(row, params.question, place), params.question, place)

            try:
                gold = read_gold(row, params, place, _form, lambda text: _extract(text, params.answer_in))
            except _NoAnswerError:
                return Dropped(f"no answer in {params.answer_in} of {params.answer}")
            source = {"dataset": "math", "file": rows.name, "row": index + 1}
            return Example("math", question, gold, "math", params.is_exclusive, source)

        return load_splits(self, params, seed, make, (), "set domain.train or domain.test to rows of problems")

    def expectations(self) -> Sequence[Expectation]:
        """No answer is left inside a worked solution, no two gold answers are the same, and each can be read."""
        return (
            Expectation("answer_is_one_line", "gold", lambda e: all("\n" not in a for g in e.gold for a in g)),
            Expectation("answers_are_distinct", "gold", lambda e: are_distinct(e.gold, _form)),
            Expectation("gold_can_be_read", "gold", lambda e: all(is_read(a) for g in e.gold for a in g), "warning"),
        )


DOMAIN = Math()


def _form(answer: str) -> str:
    """What spellings of one expression share: the number it is, or its canonical form, with its unit."""
    return prepare(answer).key


def _extract(text: str, answer_in: str) -> str:
    """The answer that stands in `text`.

    Raises:
        _NoAnswerError: there is none.
    """
    if answer_in == "whole":
        return text
    answer = text.rpartition("####")[2] if answer_in == "hashes" and "####" in text else ""
    if answer_in == "boxed" and (boxes := list(_BOX.finditer(text))):
        answer = _boxed(text[boxes[-1].end() :])
    if not answer.strip():
        raise _NoAnswerError
    return answer


def _boxed(text: str) -> str:
    """What is boxed at the start of `text`: up to the brace that closes its first, or else a command or character."""
    if not text.startswith("{"):
        token = re.match(r"\\[a-zA-Z]+|[^\s$.,;]+", text)
        return token[0] if token else ""
    depth = 0
    for brace in _BRACE.finditer(text):
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0:
            return text[1 : brace.start()]
    return ""
