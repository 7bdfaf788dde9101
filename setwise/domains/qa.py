"""Question answering over any dataset with a question column and an answer or answers column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from setwise.domains._given_answers import GivenAnswersParams, read_column, read_gold
from setwise.domains._readings import are_distinct
from setwise.domains.base import Domain, Example, Expectation, Prepared
from setwise.domains.splits import Dropped, load_splits
from setwise.matching.text import normalise_text
from setwise.sources import Rows, read_text


class QaParams(GivenAnswersParams):
    """Params of `qa`. `context` names a column that stands before the question (null: none)."""

    name: Literal["qa"] = "qa"
    context: str | None = None


class Qa(Domain):
    """The domain: answers are compared as normalised text."""

    name: ClassVar[str] = "qa"
    match: ClassVar[str] = "text"
    instruction: ClassVar[str] = "Answer the question with a short phrase."
    Params = QaParams

    def exclusive(self, params: QaParams) -> bool:
        """As `exclusive` and `answer_is` say."""
        return params.is_exclusive

    def load(self, params: QaParams, seed: int) -> Prepared:
        """Load the splits; answers are open, so there is no vocabulary."""

        def make(rows: Rows, index: int, _split: str) -> Example | Dropped:
            row, place = rows.rows[index], rows.place(index)
            question = read_text(read_column(row, params.question, place), params.question, place)
            if params.context is not None:
                context = read_text(read_column(row, params.context, place), params.context, place)
                question = f"{context}\n\nQuestion: {question}"
            gold = read_gold(row, params, place, normalise_text)
            source = {"dataset": "qa", "file": rows.name, "row": index + 1}
            return Example("qa", question, gold, "text", params.is_exclusive, source)

        return load_splits(self, params, seed, make, (), "set domain.train or domain.test to rows of questions")

    def expectations(self) -> Sequence[Expectation]:
        """Every alias shows something, and no two gold answers are the same."""
        return (
            Expectation("aliases_are_text", "gold", lambda e: all(normalise_text(a) for g in e.gold for a in g)),
            Expectation("answers_are_distinct", "gold", lambda e: are_distinct(e.gold)),
        )


DOMAIN = Qa()
