"""Rows of a dataset from a local file, or from the Hub by name and pinned revision; every failure is one line.

A location is a path (JSONL, JSON, CSV or Parquet, gzipped or not, or a zip of one of them) or a `HubSource`.
"""

from setwise.sources.files import read_json
from setwise.sources.location import FileName, HubSource, Location, expand_path
from setwise.sources.read import read_rows
from setwise.sources.rows import Rows, read_list, read_nested, read_records, read_text

__all__ = [
    "FileName",
    "HubSource",
    "Location",
    "Rows",
    "expand_path",
    "read_json",
    "read_list",
    "read_nested",
    "read_records",
    "read_rows",
    "read_text",
]
