"""Rows from files: every format gives the same rows, and what cannot be read is named."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setwise.errors import InputError
from setwise.sources import read_json, read_rows
from setwise.sources.files import LONGEST_FIELD

_ROWS = [{"question": "Où ?", "answer": "là"}, {"question": 'a "b", c\nd', "answer": "x"}]


def _jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in _ROWS) + "\n", encoding="utf-8")


def _csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["question", "answer"])
        writer.writeheader()
        writer.writerows(_ROWS)


_WRITERS: Mapping[str, Callable[[Path], object]] = {
    "rows.jsonl": _jsonl,
    "rows.json": lambda path: path.write_text(json.dumps(_ROWS)),
    "data.json": lambda path: path.write_text(json.dumps({"version": 1, "data": _ROWS})),
    "rows.csv": _csv,
    "rows.parquet": lambda path: pq.write_table(pa.Table.from_pylist(_ROWS), path),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _as_is(path: Path) -> Path:
    return path


def _gzipped(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def _zipped(path: Path) -> Path:
    target = path.with_name(path.name + ".zip")
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(path, f"folder/{path.name}")
    return target


@pytest.mark.parametrize("pack", [_as_is, _gzipped, _zipped])
@pytest.mark.parametrize("name", _WRITERS)
def test_every_format_gives_the_same_rows(name: str, pack: Callable[[Path], Path]) -> None:
    _WRITERS[name](Path(name))
    packed = pack(Path(name))
    rows = read_rows(str(packed), "domain.train")
    assert rows.rows == _ROWS
    assert rows.name == packed.name


def test_a_byte_order_mark_and_windows_line_ends_are_read_over() -> None:
    Path("rows.csv").write_bytes(b"\xef\xbb\xbfquestion,answer\r\nq,a\r\n")
    Path("rows.jsonl").write_bytes(b'\xef\xbb\xbf{"question": "q", "answer": "a"}\r\n\r\n')
    assert read_rows("rows.csv", "k").rows == read_rows("rows.jsonl", "k").rows == [{"question": "q", "answer": "a"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"q": 1}\n{"q": \n', "a.jsonl row 2: not JSON"),
        ("a.jsonl", b'{"q": 1}\n[1]\n', "a.jsonl row 2: a list, not an object"),
        ("a.json", b'{"q": 1}', "a.json: holds no list of rows"),
        ("a.json", b"[1,", "a.json: not JSON"),
        ("a.csv", b"a,b\n1,2\n1\n", "a.csv row 2: fewer values than columns"),
        ("a.csv", b"a,b\n1,2,3\n", "a.csv row 1: more values than columns"),
        ("a.csv", b'a,b\n1,"2', "a.csv row 1: not CSV"),
        ("a.csv", b"a,b\n1,\xff\n", "a.csv: not UTF-8 text"),
        ("a.parquet", b"PAR1 no", "a.parquet: not a readable Parquet file"),
        ("a.jsonl.gz", b"\x1f\x8bno", "a.jsonl.gz: not a complete gzip file"),
        ("a.jsonl.gz", gzip.compress(b'{"q": 1}\n', mtime=0)[:-9], "a.jsonl.gz: not a complete gzip file"),
        ("a.zip", b"PK no", "a.zip: not a complete zip file"),
        ("a.jsonl", b'{"q": 1}\n\n{"gold": 1, "gold": 2}\n', "a.jsonl row 2: has the key 'gold' twice; mend or remove"),
        ("a.jsonl", b'{"a": {"b": 1, "b": 1}}\n', "a.jsonl row 1: has the key 'b' twice"),
        ("a.jsonl", b'{"q": 1}\n' + b'{"q": ' + b"[" * 99_999 + b"\n", "a.jsonl row 2: is nested too deep; mend or"),
        ("a.jsonl", b'{"q": ' + b"9" * 4301 + b"}\n", "a.jsonl row 1: holds an integer of over 4300 digits; mend or"),
        ("a.jsonl", b'{"q": "\0"}\n', "a.jsonl: not UTF-8 text (a NUL character in line 1); save the file as UTF-8"),
        ("a.jsonl", '{"q": 1}'.encode("utf-16-le"), "a.jsonl: not UTF-8 text (a NUL character in line 1)"),
        ("a.json", b'[{"q": 1, "q": 2}]', "a.json: has the key 'q' twice; mend or fetch the file again"),
        ("a.json", b"[" * 99_999, "a.json: is nested too deep"),
        ("a.csv", b"a,b,a\n1,2,3\n", "a.csv: column 'a' stands twice; rename or remove one of them"),
        ("a.csv", b"a,b\n1,\0\n", "a.csv: not UTF-8 text (a NUL character in line 2)"),
        ("a.csv", "é,b\n1,2\n".encode("utf-16")[:-1], "a.csv: not UTF-16 text (byte "),
        ("a.csv", b'a,b\n1,2\n3,"4\n5,6\n', "a.csv row 2: not CSV (unexpected end of data); mend its quotes, or save"),
        ("a.csv", b'a,"b\n1,2\n', "a.csv row 1: not CSV (unexpected end of data)"),
        ("a.csv", b'a,b\n1,"2"3\n', "a.csv row 1: not CSV"),
        ("a.xlsx", b"", "a.xlsx: unknown format .xlsx; use .jsonl, .json, .csv or .parquet"),
        ("rows", b"", "rows: unknown format"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_is_named_in_one_line(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows(name, "domain.train")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_ends_and_byte_order_marks_of_any_program_are_read(end: str, encoding: str) -> None:
    line_separator = "\u2028"  # ends no line of JSON
    Path("rows.csv").write_bytes(end.join(["question,answer", f"é,a{line_separator}b", ""]).encode(encoding))
    lines = ['{"question": "é", "answer": "a\u2028b"}', ""]
    Path("rows.jsonl").write_bytes(end.join(lines).encode(encoding))
    expected = [{"question": "é", "answer": "a\u2028b"}]
    assert read_rows("rows.csv", "k").rows == read_rows("rows.jsonl", "k").rows == expected


def test_a_long_field_is_read_as_in_any_other_format() -> None:
    rows = [{"question": f"q{i}", "context": "wörd " * 60_000} for i in range(2)]
    with Path("rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["question", "context"])
        writer.writeheader()
        writer.writerows(rows)
    before = csv.field_size_limit()
    assert read_rows("rows.csv", "k").rows == rows
    assert csv.field_size_limit() == before


def test_a_field_over_the_limit_is_named_with_the_remedy() -> None:
    Path("rows.csv").write_text(f'a,b\n1,2\n3,"{"x" * (LONGEST_FIELD + 1)}"\n')
    before = csv.field_size_limit()
    said = rf"rows\.csv row 2: not CSV \(field larger than field limit \({LONGEST_FIELD}\)\); .* JSONL or Parquet"
    with pytest.raises(InputError, match=said):
        read_rows("rows.csv", "k")
    assert csv.field_size_limit() == before


def test_columns_without_a_name_may_be_several() -> None:
    Path("rows.csv").write_text("question,,\nq,,\n")
    assert read_rows("rows.csv", "k").rows == [{"question": "q", "": ""}]


def test_a_column_that_stands_twice_in_parquet_is_named() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, "rows.parquet")
    with pytest.raises(InputError, match=r"^rows\.parquet: column 'a' stands twice; rename"):
        read_rows("rows.parquet", "k")


def test_numbers_that_are_none_are_left_to_whoever_reads_the_column() -> None:
    Path("rows.jsonl").write_text('{"a": NaN, "b": -Infinity, "c": 1}\n')
    [row] = read_rows("rows.jsonl", "k").rows
    assert (str(row["a"]), row["b"], row["c"]) == ("nan", float("-inf"), 1)


def test_a_zip_of_several_files_is_refused() -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(InputError, match=r"a\.zip: holds 2 files; zip the one"):
        read_rows("a.zip", "k")


def test_a_missing_file_and_a_folder_are_named_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"domain\.test: gone\.csv is not there; put the file there, or set domain\.test"
    ):
        read_rows("gone.csv", "domain.test")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"domain\.test: folder is a folder; .*\{hub: folder"):
        read_rows("folder", "domain.test")


def test_a_path_takes_variables_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    _jsonl(tmp_path / "data" / "rows.jsonl")
    monkeypatch.setenv("SETWISE_REAL_DATA", str(tmp_path / "data"))
    assert len(read_rows("${SETWISE_REAL_DATA}/rows.jsonl", "k")) == 2
    monkeypatch.setenv("SETWISE_REAL_DATA", "")
    with pytest.raises(InputError, match=r"k: .* SETWISE_REAL_DATA, which is unset; export SETWISE_REAL_DATA="):
        read_rows("${SETWISE_REAL_DATA}/rows.jsonl", "k")


@pytest.mark.parametrize("pack", [_as_is, _gzipped])
def test_a_json_document_is_read_whole(pack: Callable[[Path], Path]) -> None:
    document: dict[str, Any] = {"E_1": {"question_en": "Fever?"}}
    Path("evidences.json").write_text(json.dumps(document))
    packed = pack(Path("evidences.json"))
    assert read_json(str(packed), "domain.evidences") == (packed.name, document)


def test_a_file_that_is_no_json_document_is_named() -> None:
    Path("evidences.json").write_text("{")
    with pytest.raises(InputError, match=r"domain\.evidences: evidences\.json: not JSON"):
        read_json("evidences.json", "domain.evidences")


def test_a_json_document_is_read_as_strictly_as_rows() -> None:
    Path("evidences.json").write_text('{"E_1": {}, "E_1": {}}')
    with pytest.raises(InputError, match=r"^domain\.evidences: evidences\.json: has the key 'E_1' twice; fetch"):
        read_json("evidences.json", "domain.evidences")
