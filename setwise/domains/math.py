"""Mathematics over any dataset with a problem column and an answer column; answers are compared symbolically."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from setwise.domains._given_answers import GivenAnswersParams, read_column, read_gold
from setwise.domains._readings import are_distinct
from setwise.domains.base import Domain, Example, Expectation, Prepared
from setwise.domains.splits import Dropped, load_splits
from setwise.errors import InputError
from setwise.matching.expressions import prepare
from setwise.sources import Rows, read_text

_BOXED = "\\boxed{"


class MathParams(GivenAnswersParams):
    r"""Params of `math`.

    Attributes:
        answer_in: the answer is the `whole` text; stands after the last `####` (`hashes`, as in GSM8K); or in the last
            `\boxed{…}` (`boxed`, as in MATH).
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

            def extract(text: str) -> str:
                return _extract(text, params.answer_in, params.answer, place)

            gold = read_gold(row, params, place, _form, extract)
            source = {"dataset": "math", "file": rows.name, "row": index + 1}
            return Example("math", question, gold, "math", params.is_exclusive, source)

        return load_splits(self, params, seed, make, (), "set domain.train or domain.test to rows of problems")

    def expectations(self) -> Sequence[Expectation]:
        """No answer is left inside a worked solution, and no two gold answers are the same."""
        return (
            Expectation("answer_is_one_line", "gold", lambda e: all("\n" not in a for g in e.gold for a in g)),
            Expectation("answers_are_distinct", "gold", lambda e: are_distinct(e.gold, _form)),
        )


DOMAIN = Math()


def _form(answer: str) -> str:
    """What spellings of one expression share: the number it is, or its LaTeX, with its unit."""
    expression = prepare(answer)
    return f"{expression.latex if expression.value is None else expression.value} {expression.unit}"


def _extract(text: str, answer_in: str, column: str, place: str) -> str:
    """The answer that stands in `text`; `InputError` where it does not."""
    if answer_in == "whole":
        return text
    mark = "####" if answer_in == "hashes" else _BOXED
    _, found, after = text.rpartition(mark)
    answer = after if answer_in == "hashes" else _balanced(after)
    if not found or not answer.strip():
        raise InputError(f"{place}: {column} holds no answer after {mark}; set domain.answer_in, or mend the row")
    return answer


def _balanced(text: str) -> str:
    """`text` up to the brace that closes the one before it; empty where none does."""
    depth = 1
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[:position]
    return ""
