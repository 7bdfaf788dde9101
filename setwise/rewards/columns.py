"""TRL's batch → completion texts and gold. Bad gold is an error that names the row, before anything is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setwise.errors import InputError
from setwise.matching import MATCHERS, Gold


def completion_texts(completions: Sequence[Any]) -> list[object]:
    """The text of each completion: the string itself, or the content of the last assistant message.

    Where a chat template's parser has taken the reasoning out of the content (`reasoning_content` or `thinking`), it is
    put back between its tags.
    What is neither (None, an empty conversation, a message without text) comes back as None, which no layout reads.
    """
    return [completion if isinstance(completion, str) else _message_text(completion) for completion in completions]


def _message_text(completion: Any) -> str | None:
    if not isinstance(completion, list | tuple):
        return None
    for message in reversed(completion):
        if isinstance(message, Mapping) and message.get("role", "assistant") == "assistant":
            content = _content_text(message.get("content"))
            if content is None or "<think>" in content:
                return content
            thoughts = [message.get(key) for key in ("reasoning_content", "thinking")]
            reasoning = next((thought for thought in thoughts if isinstance(thought, str)), None)
            return content if reasoning is None else f"<think>{reasoning}</think>{content}"
    return None


def _content_text(content: Any) -> str | None:
    if isinstance(content, list | tuple) and all(isinstance(part, Mapping) for part in content):
        texts = [part.get("text") for part in content if part.get("type") == "text"]
        return "".join(texts) if texts and all(isinstance(text, str) for text in texts) else None
    return content if isinstance(content, str) else None


def read_golds(columns: Mapping[str, Any], rows: int, default_match: str = "text") -> list[Gold]:
    """The gold of each row of a batch.

    Args:
        columns: `gold`, a list of gold answers per row, each a list of aliases (a flat list of strings means one alias
            each); optional `match`, `exclusive`, `tests` and `setup`, one value per row, None where a row has none.
        rows: completions in the batch.
        default_match: the matcher of rows that name none.

    Raises:
        InputError: a column has the wrong length, or a row can't be used; the message names the column and the row.
    """
    if columns.get("gold") is None and columns.get("tests") is None:
        raise InputError("column gold: missing; give each row a list of gold answers, each a list of aliases")
    columns = {name: _column(columns, name, rows) for name in ("gold", "match", "exclusive", "tests", "setup")}
    known: dict[Any, Gold] = {}
    golds: list[Gold] = []
    last: tuple[Any, ...] = ()
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        gold, match, exclusive, tests, setup = values
        if type(gold) is list and {list} == set(map(type, gold)) and tests is None and setup is None:
            if (gold, match, exclusive) == last:
                golds.append(golds[-1])
                continue
            last = (gold, match, exclusive)
            content: Any = (tuple([tuple(aliases) for aliases in gold]), match, exclusive)
        else:
            last, content = (), tuple([id(value) for value in values])
        try:
            golds.append(known[content])
        except (KeyError, TypeError):
            known[content] = _read_gold(row, values, default_match)
            golds.append(known[content])
    return golds


def _column(columns: Mapping[str, Any], name: str, rows: int) -> Sequence[Any]:
    """The column's values, all at once: a lazy column makes each value anew and frees it, and its id is used again."""
    column = columns.get(name)
    if column is None:
        return [None] * rows
    if isinstance(column, str | bytes | Mapping) or not hasattr(column, "__len__"):
        raise InputError(f"column {name}: {_shown(column)} is no column; give one value per completion")
    if len(column) != rows:
        raise InputError(f"column {name}: {len(column)} values for {rows} completions; give one value per completion")
    return column.tolist() if hasattr(column, "tolist") else list(column)


def _read_gold(row: int, values: tuple[Any, ...], default_match: str) -> Gold:
    gold, match, exclusive, tests, setup = values
    match = default_match if match is None else match
    if not isinstance(match, str) or match not in MATCHERS:
        raise InputError(f"column match, row {row}: {_shown(match)}; use one of {', '.join(MATCHERS)}")
    if not (exclusive is None or isinstance(exclusive, bool) or type(exclusive).__name__ in ("bool_", "bool")):
        raise InputError(f"column exclusive, row {row}: {_shown(exclusive)}; use true or false")
    if not (setup is None or isinstance(setup, str)):
        raise InputError(f"column setup, row {row}: {_shown(setup)}; use a string of code")
    checks = tuple(_strings(row, "tests", tests)) if tests is not None else ()
    if match == "code" and not checks:
        raise InputError(f"column tests, row {row}: no tests, but its match is code; give the assertions to pass")
    answers = () if match == "code" and _is_empty(gold) else _read_answers(row, gold)
    return Gold(answers, match, bool(exclusive), checks, setup or "")


def _read_answers(row: int, gold: Any) -> tuple[tuple[str, ...], ...]:
    values = _list(gold)
    if values is None:
        raise InputError(f"column gold, row {row}: {_shown(gold)}; give a list of gold answers, each a list of aliases")
    if not values:
        raise InputError(f"column gold, row {row}: no gold answer; drop the row or give at least one")
    if all(isinstance(value, str) for value in values):
        return tuple((alias,) for alias in _strings(row, "gold", values))
    answers = tuple(tuple(_strings(row, "gold", aliases)) for aliases in values)
    if not all(answers):
        raise InputError(f"column gold, row {row}: a gold answer without aliases; drop it or give at least one")
    return answers


def _strings(row: int, name: str, value: Any) -> list[str]:
    values = _list(value)
    if values is None or not all(isinstance(text, str) for text in values):
        raise InputError(f"column {name}, row {row}: {_shown(value)}; give a list of strings")
    if not all(text.strip() for text in values):
        raise InputError(f"column {name}, row {row}: an empty string among {_shown(value)}; drop it")
    return values


def _list(value: Any) -> list[Any] | None:
    if isinstance(value, list | tuple):
        return list(value)
    if type(value).__module__ == "numpy" and value.ndim > 0:
        return list(value.tolist())
    return None


def _is_empty(gold: Any) -> bool:
    return gold is None or _list(gold) == []


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
