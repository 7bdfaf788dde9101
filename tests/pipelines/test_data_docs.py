"""The Data Docs of a failed check, as a browser shows them: rows stand in them as text and never as HTML."""

from dataclasses import replace
from html import escape
from pathlib import Path

from browser import after_scripts
from planted import IMAGE, LINK, MARK, SCRIPT, TABLE, VECTOR
from smoke_workspace import Workspace

from setwise.domains.parquet import read_examples, write_examples

QUESTIONS, GOLD = (SCRIPT, IMAGE), (VECTOR, LINK, TABLE)


def test_what_is_planted_in_failing_rows_is_shown_and_does_not_run(workspace: Workspace, tmp_path: Path) -> None:
    split = workspace.root / "data" / "clinic" / "train.parquet"
    train = read_examples(split)
    twice = [replace(train[0], question=f"invented {text}") for text in QUESTIONS for _ in range(2)]
    unknown = [replace(example, gold=((text,),)) for example, text in zip(train[4:7], GOLD, strict=True)]
    write_examples(split, [*twice, *unknown, *train[7:]])
    assert workspace.run("validate").code == 2

    docs = workspace.root / "reports" / "failed_data_docs"
    (page,) = docs.glob("validations/clinic_train/**/*.html")
    shown = after_scripts(page.as_uri(), tmp_path)
    assert f"<title>{MARK}</title>" not in shown
    for text in (*QUESTIONS, *GOLD):
        assert escape(text, quote=False) in shown, text
    assert 'href="javascript:' not in shown
    for other in docs.rglob("*.html"):
        assert not [text for text in (SCRIPT, IMAGE, VECTOR, TABLE) if text in other.read_text()], other
