"""Packed files → what is in them: gzip, zip, and one of them in the other."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from setwise.errors import InputError

_UNPACK = "unpack it and name the file inside"
_ENCRYPTED = 0x1
"""The bit of a member's flags that says so."""
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, OverflowError)
"""What `zipfile` and the decompressors raise about damaged bytes."""


def unpack(source: str, content: bytes) -> tuple[str, bytes]:
    """The name (its suffix says the format) and content of the file inside; of one that is not packed, its own.

    Args:
        source: the base name of the file; messages name it, whatever is packed in it.
        content: its bytes.

    Raises:
        InputError: the file is damaged, of a kind that Python can't unpack, or packed twice over.
    """
    name, undone = source, set()
    while (suffix := PurePosixPath(name).suffix.lower()) in (".gz", ".zip"):
        if suffix in undone:
            raise InputError(f"{source}: holds another {suffix} file; {_UNPACK}")
        undone.add(suffix)
        if suffix == ".gz":
            name, content = PurePosixPath(name).stem, _gunzip(source, content)
        else:
            name, content = _unzip(source, content)
    return name, content


def _gunzip(source: str, content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source}: not a complete gzip file ({error}); fetch the file again") from error


def _unzip(source: str, content: bytes) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if _is_file(member)]
            if len(members) == 1:
                name = _path(members[0]).name
                # DDXPlus ships its CSV under a member name without a suffix.
                return name if PurePosixPath(name).suffix else f"{name}.csv", _extract(source, archive, members[0])
    except InputError:
        raise
    except NotImplementedError as error:
        raise InputError(f"{source}: a kind of zip that can't be read here ({error}); {_UNPACK}") from error
    except _BROKEN as error:
        raise InputError(
            f"{source}: not a complete zip file ({error}); fetch it again with all its parts, or {_UNPACK}"
        ) from error
    raise InputError(f"{source}: holds {len(members)} files; zip the one file that holds the rows")


def _extract(source: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & _ENCRYPTED:
        raise InputError(f"{source}: encrypted; {_UNPACK}, or zip it without a password")
    try:
        return archive.read(member)
    except RuntimeError as error:  # of which NotImplementedError is one
        raise InputError(
            f"{source}: packed by method {member.compress_type}, which can't be read here; {_UNPACK}, "
            "or zip it by the method deflate"
        ) from error


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Whether it is no folder, and nothing that macOS puts beside files."""
    return not member.filename.endswith(("/", "\\")) and "__MACOSX" not in _path(member).parts


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Its path; some programs of Windows write it with backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))
