"""AmbigQA: questions with every answer that one of their readings has, each with its aliases.

Reads the light and the full annotations, as the authors' JSON (a list of annotations) and as the Hub nests them
(columns of lists).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from setwise.domains._readings import are_distinct, join_readings
from setwise.domains.base import Domain, Example, Expectation, Prepared
from setwise.domains.splits import Dropped, SplitParams, load_splits
from setwise.errors import InputError
from setwise.matching.text import normalise_text
from setwise.sources import Rows, read_list, read_records, read_text

_COLUMNS = ("question", "annotations")
_REMEDY = "use the rows of AmbigNQ, light or full"
_SINGLE, _MULTIPLE = "singleAnswer", "multipleQAs"


class AmbigqaParams(SplitParams):
    """Params of `ambigqa`. `questions: ambiguous` keeps those with several answers; the others are counted."""

    name: Literal["ambigqa"] = "ambigqa"
    questions: Literal["all", "ambiguous"] = "all"


class Ambigqa(Domain):
    """The domain. Not exclusive.

    Gold is every answer of any annotator; answers that share an alias are one, unless an annotator lists them apart,
    and so are all answers to a question that every annotator gave a single answer.
    """

    name: ClassVar[str] = "ambigqa"
    match: ClassVar[str] = "text"
    instruction: ClassVar[str] = "Answer the question with a short phrase; an ambiguous question has several answers."
    Params = AmbigqaParams

    def exclusive(self, params: object) -> bool:
        """Never: readings differ."""
        return False

    def load(self, params: AmbigqaParams, seed: int) -> Prepared:
        """Load the splits; answers are open, so there is no vocabulary."""

        def make(rows: Rows, index: int, _split: str) -> Example | Dropped:
            example = _make_example(rows, index)
            if params.questions == "ambiguous" and len(example.gold) == 1:
                return Dropped("one answer only")
            return example

        return load_splits(self, params, seed, make, _COLUMNS, _REMEDY)

    def expectations(self) -> Sequence[Expectation]:
        """Every alias shows something, no two gold answers are the same, and `several` says whether there are two."""
        return (
            Expectation("aliases_are_text", "gold", lambda e: all(normalise_text(a) for g in e.gold for a in g)),
            Expectation("answers_are_distinct", "gold", lambda e: are_distinct(e.gold)),
            Expectation("several_is_said", "columns", lambda e: e.columns.get("several") is (len(e.gold) > 1)),
        )


DOMAIN = Ambigqa()


def _make_example(rows: Rows, index: int) -> Example:
    row, place = rows.rows[index], rows.place(index)
    annotations = read_records(row["annotations"], ("type", "answer", "qaPairs"), "annotations", place)
    people = [_answers(annotation, place) for annotation in annotations]
    if not any(people):
        raise InputError(f"{place}: annotations hold no answer; mend or remove the row")
    if all(annotation["type"] == _SINGLE for annotation in annotations):
        # All annotators read one question: what they wrote are spellings of its one answer.
        people = [[tuple(alias for answers in people for answer in answers for alias in answer)]]
    gold = join_readings(people)
    return Example(
        domain="ambigqa",
        question=read_text(row["question"], "question", place),
        gold=gold,
        match="text",
        exclusive=False,
        source={"dataset": "ambigqa", "file": rows.name, "row": index + 1},
        columns={"several": len(gold) > 1},
    )


def _answers(annotation: dict[str, Any], place: str) -> list[tuple[str, ...]]:
    """The answers of one annotator, each with its aliases."""
    kind = annotation["type"]
    if kind == _SINGLE:
        return [_aliases(annotation["answer"], "annotations.answer", place)]
    if kind == _MULTIPLE:
        pairs = read_records(annotation["qaPairs"], ("question", "answer"), "annotations.qaPairs", place)
        return [_aliases(pair["answer"], "annotations.qaPairs.answer", place) for pair in pairs]
    raise InputError(f"{place}: annotation type {kind!r} is neither {_SINGLE} nor {_MULTIPLE}; mend or remove the row")


def _aliases(value: object, column: str, place: str) -> tuple[str, ...]:
    aliases = [read_text(alias, column, place) for alias in read_list(value, column, place)]
    if not aliases:
        raise InputError(f"{place}: {column} names no answer; mend or remove the row")
    return tuple(dict.fromkeys(aliases))
