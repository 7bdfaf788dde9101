"""HotpotQA, distractor setting: a question over titled paragraphs, two of which support its one answer.

"Modified": 0, 1 or both supporting paragraphs are removed at random, so that some questions are under-informed. How
many were removed is kept in the column `removed`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from setwise.domains.base import Domain, Example, Expectation, Prepared, question_content
from setwise.domains.splits import Dropped, SplitParams, load_splits
from setwise.errors import InputError
from setwise.matching.text import normalise_text
from setwise.sources import Rows, read_list, read_records, read_text

_COLUMNS = ("question", "answer", "context", "supporting_facts")
_REMEDY = "use the distractor rows of HotpotQA"
_QUESTION = "\n\nQuestion: "


class HotpotqaParams(SplitParams):
    """Params of `hotpotqa`.

    Attributes:
        modified: whether 0, 1 or both supporting paragraphs (equally likely) are removed from each question.
        distractors: at most so many of the other paragraphs are kept, chosen by the seed (null: all, usually eight).
    """

    name: Literal["hotpotqa"] = "hotpotqa"
    modified: bool = True
    distractors: int | None = Field(default=None, ge=0)


class Hotpotqa(Domain):
    """The domain. One answer, so exclusive; what is removed depends on the seed and the question alone."""

    name: ClassVar[str] = "hotpotqa"
    match: ClassVar[str] = "text"
    instruction: ClassVar[str] = (
        "Answer the question with a short phrase; the paragraphs may lack what the answer needs."
    )
    Params = HotpotqaParams

    def exclusive(self, params: object) -> bool:
        """Always: a question has one answer."""
        return True

    def content(self, example: Example) -> str:
        """The bare question: it is the same whatever paragraphs stand with it."""
        return question_content(bare_question(example))

    def load(self, params: HotpotqaParams, seed: int) -> Prepared:
        """Load the splits."""

        def make(rows: Rows, index: int, _split: str) -> Example | Dropped:
            return _make_example(rows, index, params, seed)

        return load_splits(self, params, seed, make, _COLUMNS, _REMEDY)

    def expectations(self) -> Sequence[Expectation]:
        """0, 1 or 2 paragraphs were removed, and the answer is some text."""
        return (
            Expectation("removed_is_0_1_or_2", "columns", lambda e: e.columns.get("removed") in (0, 1, 2)),
            Expectation("answer_is_text", "gold", lambda e: all(normalise_text(a) for g in e.gold for a in g)),
        )


DOMAIN = Hotpotqa()


class _Paragraph(NamedTuple):
    """A paragraph's title, as facts name it (not always one paragraph's alone), and the line that shows it."""

    title: str
    line: str


def bare_question(example: Example) -> str:
    """The question without its paragraphs."""
    return example.question.rpartition(_QUESTION)[2]


def _make_example(rows: Rows, index: int, params: HotpotqaParams, seed: int) -> Example | Dropped:
    row, place = rows.rows[index], rows.place(index)
    question = " ".join(read_text(row["question"], "question", place).split())
    paragraphs = _paragraphs(row["context"], place)
    facts = read_records(row["supporting_facts"], ("title", "sent_id"), "supporting_facts", place)
    supporting = list(dict.fromkeys(str(fact["title"]) for fact in facts))
    if len(supporting) != 2 or not set(supporting) <= {paragraph.title for paragraph in paragraphs}:
        return Dropped("the context does not hold two supporting paragraphs")
    draw = random.Random(f"{seed}:{question}")
    # A title may stand twice; what it supports is gone only with all that stands under it.
    removed = draw.sample(supporting, draw.randrange(3)) if params.modified else []
    left_out = {at for at, paragraph in enumerate(paragraphs) if paragraph.title in removed}
    others = [at for at, paragraph in enumerate(paragraphs) if paragraph.title not in supporting]
    if params.distractors is not None and len(others) > params.distractors:
        left_out |= set(draw.sample(others, len(others) - params.distractors))
    shown = [paragraph.line for at, paragraph in enumerate(paragraphs) if at not in left_out]
    return Example(
        domain="hotpotqa",
        question="\n".join(shown) + _QUESTION + question,
        gold=((read_text(row["answer"], "answer", place),),),
        match="text",
        exclusive=True,
        source={"dataset": "hotpotqa", "file": rows.name, "row": index + 1},
        columns={"removed": len(removed)},
    )


def _paragraphs(value: Any, place: str) -> list[_Paragraph]:
    """The paragraphs in the order of the row."""
    paragraphs = []
    for record in read_records(value, ("title", "sentences"), "context", place):
        sentences = read_list(record["sentences"], "context.sentences", place)
        if not isinstance(record["title"], str) or not all(isinstance(sentence, str) for sentence in sentences):
            raise InputError(f"{place}: context holds a paragraph that is no title and sentences; mend the row")
        line = read_text(f"{record['title']}: {''.join(sentences)}", "context", place)
        paragraphs.append(_Paragraph(record["title"], " ".join(line.split())))
    return paragraphs
