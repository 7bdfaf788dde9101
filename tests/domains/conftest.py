"""Small files of rows, in the workspace that a test runs in."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

WriteRows = Callable[[str, Sequence[Mapping[str, Any]]], str]


@pytest.fixture
def write_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteRows:
    """Writes rows as JSONL under a name in the current directory and returns the name."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return name

    return write


@pytest.fixture
def write_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Sequence[Mapping[str, Any]]], str]:
    """Writes rows as the one split `train` of a dataset folder in the Hub's format and returns its path."""
    import datasets.config
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("SETWISE_DATA", str(tmp_path))

    def write(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(list(rows)), folder / "data" / "train-00000-of-00001.parquet")
        return str(folder)

    return write
