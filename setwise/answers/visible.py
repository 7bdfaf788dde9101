"""Which characters show: what is empty to a reader is empty to the parser and to the matchers."""

from __future__ import annotations

import re
import unicodedata

_BLANK = {"Cc", "Cf", "Zs", "Zl", "Zp"}
UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""What Unicode lists as ignorable though its category is that of a letter or an accent, as a class of characters:
fillers, joiners of graphemes, variation selectors."""
_UNSEEN = re.compile(f"[{UNSEEN}\u2800]")


def shows(text: str) -> bool:
    """Whether a text holds a character that a reader sees: not only spaces, controls, fillers and zero-width ones."""
    if text.isascii():
        return any(" " < character < "\x7f" for character in text)
    return any(unicodedata.category(one) not in _BLANK and not _UNSEEN.match(one) for one in text)
