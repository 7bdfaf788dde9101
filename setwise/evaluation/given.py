"""`setwise judge FILE`: completions that a stage kept, or others with gold in the columns of docs/metrics.md."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from setwise.answers import Layout
from setwise.domains import Example
from setwise.domains.parquet import read_examples
from setwise.engines import Completion, Sampling
from setwise.errors import InputError
from setwise.evaluation.generate import PART_ROWS, completion_rows
from setwise.evaluation.judge import judge
from setwise.evaluation.protocols import Protocol
from setwise.evaluation.report import MetricsReport, summarise
from setwise.evaluation.store import StoreKey, is_store, text_digest, write_rows
from setwise.sources import Rows
from setwise.sources.files import decode_file

_REMEDY = "mend or remove the row; docs/metrics.md says what each column holds"


def _shown(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty text")
    return text


_Text = Annotated[str, AfterValidator(_shown)]
_Aliases = Annotated[list[_Text], BeforeValidator(lambda v: [v] if isinstance(v, str) else v), Field(min_length=1)]


class _Probability(BaseModel):
    """One answer of a posterior."""

    model_config = ConfigDict(strict=True, extra="forbid")

    answer: _Text
    probability: Annotated[float, Field(ge=0.0, le=1.0)]


class _Row(BaseModel):
    """The columns of one row, as docs/metrics.md documents them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    text: str
    gold: Annotated[list[_Aliases], Field(min_length=1)]
    question: _Text | None = None
    match: Literal["exact", "text", "math", "code"] = "text"
    exclusive: bool = False
    tests: list[_Text] = []
    setup: str = ""
    posterior: list[_Probability] = []
    n_tokens: Annotated[int, Field(ge=0)] | None = None
    finished: bool = True

    def example(self, question: str) -> Example:
        """The question of this row."""
        return Example(
            domain="given",
            question=question,
            gold=tuple(map(tuple, self.gold)),
            match=self.match,
            exclusive=self.exclusive,
            source={},
            tests=tuple(self.tests),
            setup=self.setup,
            posterior=tuple(sorted(((p.answer, p.probability) for p in self.posterior), key=lambda pair: -pair[1])),
        )


def judge_file(
    path: Path, layout: Layout, union: bool, split: str, folder: Path | None
) -> tuple[MetricsReport, list[str]]:
    """Judge a file of completions, as the stage `judge` does; the report, and lines on what was passed over.

    Args:
        path: what `generate` or `judge` wrote, or a JSONL or Parquet file with gold.
        layout, union: how a file with gold was asked; what stages wrote says so itself.
        split: of the params' domain, whose gold judges what stages wrote.
        folder: where `verdicts.parquet` and `metrics.json` go, if anywhere.

    Raises:
        InputError: a file is missing or can't be judged; names it, and the row and column where it is one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        verdicts = (folder or Path(scratch)) / "verdicts.parquet"
        if is_store(path):
            from setwise.params import load_params

            params = load_params()
            examples = read_examples(Path("data") / params.domain.name / f"{split}.parquet")
            judge(path, examples, verdicts)
            report, notes = summarise(verdicts, examples, params.evaluate.resamples, params.seed), []
        else:
            completions = Path(scratch) / "completions.parquet"
            given = read_given(path, layout, union, completions)
            report = summarise(judge(completions, given.examples, verdicts), given.examples)
            notes = [f"note: {path}: columns that were not read: {', '.join(given.unread)}"] if given.unread else []
            if not given.counts_tokens:
                _without_tokens(report)
    if folder is not None:
        (folder / "metrics.json").write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
    return report, notes


def _without_tokens(report: MetricsReport) -> None:
    """Leave undefined what tokens that nobody counted would decide."""
    undefined = {"value": None, "lo": None, "hi": None, "n": 0, "reason": "the file has no column n_tokens"}
    for name, entry in report["metrics"].items():
        if name.startswith("tokens_"):
            entry.update(undefined)
    for part, points in report["curves"]["tokens"].items():
        report["curves"]["tokens"][part] = [None] * len(points)


class Given(NamedTuple):
    """What a file of completions held.

    Attributes:
        examples: its questions.
        counts_tokens: whether it says how many tokens each completion took.
        unread: its columns that mean nothing here.
    """

    examples: list[Example]
    counts_tokens: bool
    unread: list[str]


def read_given(path: Path, layout: Layout, union: bool, completions: Path) -> Given:
    """Read a JSONL or Parquet file of completions and write them to `completions`, ready to be judged.

    Args:
        path: the file.
        layout: what each completion must look like.
        union: whether the answers of all completions to a question are one set.
        completions: where to.

    Raises:
        InputError: the file can't be read, a row lacks a column or holds what it may not, or questions have different
            numbers of completions; names the file, the row, the column and the remedy.
    """
    try:
        rows = decode_file(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}); name a JSONL or Parquet file") from error
    rows.require(("text", "gold"), "give each completion the columns that docs/metrics.md names")
    read = [_read(rows, index) for index in range(len(rows))]
    tokens = [index for index, row in enumerate(read) if row.n_tokens is not None]
    if tokens and len(tokens) < len(read):
        lacking = next(index for index, row in enumerate(read) if row.n_tokens is None)
        raise InputError(f"{rows.place(lacking)}: column 'n_tokens' is missing, and other rows have it; {_REMEDY}")
    examples, drawn = _by_question(rows, read)
    n = len(drawn[0])
    questions = [example.question for example in examples]
    protocol = Protocol(f"sample-{n}" if union else "one", layout, n, union)
    key = StoreKey("", text_digest(questions), "", "", protocol, Sampling(n=n))
    parts = [slice(start, start + max(1, PART_ROWS // n)) for start in range(0, len(questions), max(1, PART_ROWS // n))]
    write_rows(completions, key, (completion_rows(questions[part], drawn[part], key) for part in parts))
    unread = sorted({str(name) for row in rows.rows for name in row} - set(_Row.model_fields))
    return Given(examples, bool(tokens), unread)


def _read(rows: Rows, index: int) -> _Row:
    """One row; a null counts as a column that is not there."""
    try:
        row = _Row.model_validate({str(name): value for name, value in rows.rows[index].items() if value is not None})
    except ValidationError as error:
        first: Any = error.errors()[0]
        column, *within = map(str, first["loc"])
        at = f" at {'.'.join(within)}" if within else ""
        said = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] == "missing" else f" (given: {first['input']!r:.60})"
        raise InputError(f"{rows.place(index)}: column {column!r}{at}: {said}{given}; {_REMEDY}") from error
    if row.match == "code" and not row.tests:
        raise InputError(f"{rows.place(index)}: column 'tests' is empty, and 'match' says code; {_REMEDY}")
    return row


def _by_question(rows: Rows, read: Sequence[_Row]) -> tuple[list[Example], list[list[Completion]]]:
    """The questions in the order of their first rows, and the completions of each; a row without one is its own."""
    found: dict[str, tuple[int, Example, list[Completion]]] = {}
    for index, row in enumerate(read):
        question = f"row {index + 1}" if row.question is None else row.question
        example = row.example(question)
        first, expected, completions = found.setdefault(question, (index, example, []))
        for column in ("gold", "match", "exclusive", "tests", "setup", "posterior"):
            if getattr(example, column) != getattr(expected, column):
                raise InputError(
                    f"{rows.place(index)}: column {column!r} differs from that of row {first + 1}, which has the same "
                    f"question; give one question one gold, or {_REMEDY}"
                )
        completions.append(Completion(row.text, row.n_tokens or 0, row.finished))
    wanted = len(next(iter(found.values()))[2])
    for first, _, completions in found.values():
        if len(completions) != wanted:
            raise InputError(
                f"{rows.place(first)}: column 'question': {len(completions)} rows have this question, {wanted} that of "
                "row 1; give every question as many completions"
            )
    return [example for _, example, _ in found.values()], [drawn for _, _, drawn in found.values()]
