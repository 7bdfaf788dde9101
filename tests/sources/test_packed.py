"""Packed files of every program: what Python can unpack is read, all else is one line that names file and remedy."""

import gzip
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from setwise.errors import InputError
from setwise.sources import read_json, read_rows

_ROW = b'{"question": "q", "answer": "a"}\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _patched(flag: int = 0, method: int | None = None) -> bytes:
    """A zip whose headers say another method, or that it is encrypted."""
    raw = bytearray(_zip({"rows.jsonl": _ROW}, zipfile.ZIP_STORED))
    for at in (raw.find(b"PK\x03\x04") + 6, raw.find(b"PK\x01\x02") + 8):
        raw[at] |= flag
        if method is not None:
            raw[at + 2] = method
    return bytes(raw)


def _refused(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows(name, "domain.train")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_method_that_python_has_is_read(method: int) -> None:
    Path("a.zip").write_bytes(_zip({"rows.jsonl": _ROW}, method))
    assert len(read_rows("a.zip", "k")) == 1


@pytest.mark.parametrize("method", [1, 6, 9, 19, 93, 95, 98])
def test_a_method_that_python_has_not_is_named_with_the_remedy(method: int) -> None:
    said = _refused("a.zip", _patched(method=method))
    assert said.startswith(f"a.zip: packed by method {method}, which can't be read here; unpack it and name the file")


@pytest.mark.parametrize("content", [_patched(flag=1), _patched(flag=1, method=99), _patched(flag=0x41)])
def test_an_encrypted_zip_is_named_with_the_remedy(content: bytes) -> None:
    assert _refused("a.zip", content).startswith("a.zip: encrypted; unpack it and name the file inside, or zip it with")


@pytest.mark.parametrize("flag", [0x20, 0x40])
def test_patches_and_strong_encryption_are_one_line(flag: int) -> None:
    assert "unpack it and name the file inside" in _refused("a.zip", _patched(flag=flag))


@pytest.mark.parametrize("cut", [slice(0, 60), slice(30, None), slice(60, None), slice(0, -1)])
def test_a_part_of_a_zip_is_not_a_complete_one(cut: slice) -> None:
    said = _refused("a.zip", _zip({"rows.jsonl": _ROW * 20})[cut])
    assert said.startswith("a.zip: not a complete zip file (")
    assert said.endswith("fetch it again with all its parts, or unpack it and name the file inside")


@pytest.mark.parametrize(
    "members",
    [
        {"folder\\": b"", "folder\\rows.jsonl": _ROW},
        {"Prüfung/": b"", "Prüfung/rows.JSONL": _ROW},
        {"rows.jsonl": _ROW, "__MACOSX/._rows.jsonl": b"x"},
        {"rows.jsonl": _ROW, "__MACOSX\\._rows.jsonl": b"x"},
        {"rows.jsonl.gz": gzip.compress(_ROW)},
        {"folder.d\\rows": b"question,answer\r\nq,a\r\n"},
    ],
)
def test_one_file_in_whatever_folders_is_read(members: dict[str, bytes]) -> None:
    Path("a.zip").write_bytes(_zip(members))
    rows = read_rows("a.zip", "k")
    assert (rows.name, rows.rows) == ("a.zip", [{"question": "q", "answer": "a"}])


def test_a_name_in_the_code_page_of_dos_is_read() -> None:
    raw = _zip({"Pr?fung.jsonl": _ROW}).replace(b"Pr?fung", b"Pr\x81fung")
    Path("a.zip").write_bytes(raw)
    assert len(read_rows("a.zip", "k")) == 1


def test_a_name_that_is_not_the_utf_8_it_says_it_is_is_one_line() -> None:
    raw = _zip({"Prüfung.jsonl": _ROW}).replace("Prü".encode(), b"Pr\xff\xff")
    assert _refused("a.zip", raw).startswith("a.zip: not a complete zip file (")


def test_a_zip_with_64_bit_sizes_is_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("rows.jsonl", "w", force_zip64=True) as member:
        member.write(_ROW)
    Path("a.zip").write_bytes(buffer.getvalue())
    assert len(read_rows("a.zip", "k")) == 1


def test_the_last_disk_of_several_is_not_a_complete_zip() -> None:
    raw = bytearray(_zip({"rows.jsonl": _ROW}))
    end = raw.find(b"PK\x05\x06")
    raw[end + 4 : end + 8] = struct.pack("<HH", 3, 3)
    del raw[: raw.find(b"PK\x01\x02")]  # the rows lie on the first
    assert "with all its parts" in _refused("a.zip", bytes(raw))


@pytest.mark.parametrize("name", ["b.zip", "folder\\b.ZIP", "b.zip.gz"])
def test_an_archive_in_an_archive_is_refused(name: str) -> None:
    inner = _zip({"rows.jsonl": _ROW})
    said = _refused("a.zip", _zip({name: gzip.compress(inner) if name.endswith("gz") else inner}))
    assert said == "a.zip: holds another .zip file; unpack it and name the file inside"


@pytest.mark.parametrize(("name", "inner"), [("a.csv.gz.gz", b"a\n1\n"), ("a.gz.zip", b"")])
def test_a_file_packed_twice_or_of_no_known_format_is_refused(name: str, inner: bytes) -> None:
    packed = gzip.compress(gzip.compress(inner)) if name.endswith("gz") else _zip({"a.tar": inner})
    assert _refused(name, packed).startswith((f"{name}: holds another .gz file", f"{name}: unknown format .tar"))


@pytest.mark.parametrize("suffix", ["bz2", "xz", "zst", "7z", "rar", "tar"])
def test_other_packings_are_named_with_those_that_are_read(suffix: str) -> None:
    assert _refused(f"a.jsonl.{suffix}", b"").startswith(f"a.jsonl.{suffix}: unknown format .{suffix}; use .jsonl")


@pytest.mark.parametrize("name", ["a.zip", "a.jsonl.gz"])
def test_damaged_bytes_are_one_line_or_rows(name: str) -> None:
    draw = random.Random(0)
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    sound = [_zip({"é/rows.jsonl": _ROW * 9}, m) for m in methods] if name == "a.zip" else [gzip.compress(_ROW * 9)]
    refused = 0
    for _ in range(600):
        raw = bytearray(draw.choice(sound))
        for _ in range(draw.choice((1, 2, 4))):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
        Path(name).write_bytes(raw[: draw.choice((None, draw.randrange(len(raw))))])
        try:
            read_rows(name, "k")
        except InputError as error:
            refused += 1
            assert str(error).startswith(name)
            assert "\n" not in str(error)
    assert refused > 100


def test_a_json_document_may_be_packed_too() -> None:
    Path("evidences.zip").write_bytes(_zip({"release_evidences.json": b'{"E_1": 1}'}))
    assert read_json("evidences.zip", "domain.evidences") == ("evidences.zip", {"E_1": 1})
    Path("evidences.zip").write_bytes(_patched(flag=1))
    with pytest.raises(InputError, match=r"^domain\.evidences: evidences\.zip: encrypted; unpack"):
        read_json("evidences.zip", "domain.evidences")
