"""Digests of files and folders: what a result was made from, independent of names, dates and machines."""

from __future__ import annotations

import hashlib
from pathlib import Path

from setwise.errors import InputError

_CHUNK = 1 << 20


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def weights_digest(folder: Path) -> str:
    """SHA-256 over a model folder's weights, shard by shard in the order of their names.

    Raises:
        InputError: the folder holds no safetensors file.
    """
    shards = sorted(folder.glob("*.safetensors"))
    if not shards:
        raise InputError(f"{folder}: no *.safetensors file; run `dvc repro` for the stage that makes it")
    if len(shards) == 1:
        return file_digest(shards[0])
    return hashlib.sha256("".join(file_digest(shard) for shard in shards).encode()).hexdigest()
