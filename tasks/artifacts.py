"""What a flow shows on its pages. Prefect reads descriptions and the cells of tables as Markdown, in which a link may
run a script: text that comes from data, params or a process goes through `as_markdown` first.
"""

import re
from collections.abc import Mapping, Sequence

_SIGNS = re.compile(r"[\\`*_\[\]<>~|]")
_LINE_START = re.compile(r"^(?:([#+=-])|(\d+)([.)]))")


def as_markdown(text: str) -> str:
    """The text on one line, every sign that means something in Markdown behind a backslash."""
    escaped = _SIGNS.sub(r"\\\g<0>", " ".join(text.split()))
    return _LINE_START.sub(lambda found: f"{found[2] or ''}\\{found[1] or found[3]}", escaped)


def show_table(rows: Sequence[Mapping[str, str]], key: str, description: str) -> None:
    """Publish rows as a table artifact. Cells and description are shown as they are."""
    from prefect.artifacts import create_table_artifact

    table = [{column: as_markdown(cell) for column, cell in row.items()} for row in rows]
    create_table_artifact(table, key=key, description=as_markdown(description))
