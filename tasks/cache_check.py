"""Finding damaged files in DVC's cache: DVC trusts a cached file that is read-only; here it must have its digest."""

import hashlib
import json
from pathlib import Path

Seen = tuple[int, int, int, int]


def drop_damaged(cache: Path, record: Path) -> list[str]:
    """Delete cached files whose content is not what their name says, and return their digests.

    ``cache`` is DVC's cache folder. A file once found sound is read again only after it changed (size, inode, time of
    modification or of status change); ``record`` remembers that. Files that DVC is writing now (``*.tmp``) are passed
    over. DVC makes what is missing again, or pulls it.
    """
    sound = _read(record)
    kept: dict[str, Seen] = {}
    damaged = []
    for path in sorted((cache / "files" / "md5").glob("??/*")):
        if path.suffix == ".tmp":
            continue
        digest = path.parent.name + path.name.removesuffix(".dir")
        status = path.stat()
        seen = (status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        if sound.get(str(path)) != seen and _md5(path) != digest:
            path.unlink()
            damaged.append(digest)
        else:
            kept[str(path)] = seen
    if kept != sound:
        draft = record.with_suffix(".draft")
        draft.write_text(json.dumps(kept))
        draft.replace(record)
    return damaged


def _read(record: Path) -> dict[str, Seen]:
    try:
        return {path: tuple(seen) for path, seen in json.loads(record.read_text()).items()}
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _md5(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
