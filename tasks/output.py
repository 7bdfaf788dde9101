"""A process's raw output as the lines a log should hold: progress bars thinned out, terminal codes removed."""

import codecs
import re
from collections.abc import Iterator

_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BREAKS = re.compile(r"\r\n|\n|\r")
_LONGEST = 4_000


class LineStream:
    """Cut bytes into lines as they come.

    A line ended by a carriage return is a progress bar redrawing itself: it is passed on at most every ``every``
    seconds, and its last form always is. Times are the caller's, in seconds on any clock that does not go back.
    """

    def __init__(self, every: float = 5.0):
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._bar = ""
        self._every = every
        self._shown_at = float("-inf")

    def feed(self, data: bytes, now: float) -> Iterator[str]:
        """Yield the lines that ``data`` completes."""
        text = self._pending + self._decoder.decode(data)
        held_back = text.endswith("\r")  # it may be the first half of \r\n
        start = 0
        for found in _BREAKS.finditer(text, 0, len(text) - held_back):
            yield from self._line(text[start : found.start()], found.group() == "\r", now)
            start = found.end()
        self._pending = text[start:]

    def close(self, now: float) -> Iterator[str]:
        """Yield what is left once the process has ended."""
        rest = (self._pending + self._decoder.decode(b"", final=True)).rstrip("\r")
        self._pending = ""
        yield from self._line(rest, False, now)

    def _line(self, raw: str, redrawn: bool, now: float) -> Iterator[str]:
        line = _TERMINAL_CODES.sub("", raw).rstrip()
        if redrawn:
            self._bar = line or self._bar
            if self._bar and now - self._shown_at >= self._every:
                self._shown_at = now
                line, self._bar = self._bar, ""
                yield line[:_LONGEST]
            return
        last_form, self._bar = line or self._bar, ""
        if last_form:
            yield last_form[:_LONGEST]
