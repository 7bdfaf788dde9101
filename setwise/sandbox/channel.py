"""Messages over a stream: four bytes of length, then JSON. Neither side trusts the other to stop at a sane length."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any

from setwise.sandbox import plain

_LENGTH = struct.Struct("!I")


class TooLongError(ValueError):
    """A message is longer than the reader takes."""


def pack(message: Any) -> bytes:
    """The bytes of one message."""
    with plain.deep():
        body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def send(descriptor: int, message: Any) -> None:
    """Write one message; blocks until the reader has room for it."""
    data = memoryview(pack(message))
    while data:
        data = data[os.write(descriptor, data) :]


def receive(descriptor: int, limit: int | None = None, wait: Callable[[], None] = lambda: None) -> Any:
    """Read one message; `wait` is called before each read and may raise.

    Raises:
        EOFError: the writer is gone.
        TooLongError: the message is longer than `limit` bytes.
        ValueError, RecursionError: the message is no JSON.
    """
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, wait))
    if limit is not None and length > limit:
        raise TooLongError(f"{length} bytes")
    body = _read(descriptor, length, wait)
    with plain.deep():
        return json.loads(body)


def _read(descriptor: int, size: int, wait: Callable[[], None]) -> bytes:
    data = bytearray()
    while len(data) < size:
        wait()
        piece = os.read(descriptor, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
