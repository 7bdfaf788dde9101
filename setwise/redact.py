"""Secrets out of texts that are printed, logged or stored: what the environment holds under a secret's name, passwords
and keys in addresses, and keys that are known by their form.
"""

from __future__ import annotations

import logging
import os
import re

HIDDEN = "***"
_SECRET_NAME = re.compile(r"(?:TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIALS|AUTH_STRING|CONNECTION_STRING)$")
_SHORTEST = 8  # a shorter value (`1`, `false`, `none`) stands in ordinary words too
_IN_ADDRESSES = (
    re.compile(r"(?P<kept>\bhttps?://)[^\s/'\"]+(?=@)"),
    re.compile(r"(?P<kept>\b[a-z][\w+.-]*://[^\s/@:'\"]*:)[^\s/'\"]+(?=@)", re.IGNORECASE),
    re.compile(
        r"(?P<kept>[?&;][\w.-]*(?:key|token|secret|password|sig|signature|credential)=)[^\s&;'\"]+", re.IGNORECASE
    ),
)
_KEYS = (
    re.compile(r"(?P<kept>\bhf_)[A-Za-z0-9]{30,}"),
    re.compile(r"(?P<kept>(?<![\w-])sk-)(?=[\w-]*[A-Za-z0-9]{20})(?=[\w-]*\d)[\w-]+"),
    re.compile(r"(?P<kept>\bgh[pousr]_|\bgithub_pat_)\w{30,}", re.ASCII),
    re.compile(r"(?P<kept>\bA[KS]IA)[A-Z0-9]{16}\b"),
    re.compile(r"(?P<kept>\bxox[a-z]-)[A-Za-z0-9-]{20,}"),
    re.compile(r"(?P<kept>\beyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}", re.ASCII),
)
"""Of Hugging Face, OpenAI and its kin, GitHub, Amazon, Slack, and JSON web tokens; each so long that words are not."""


def redact(text: str, *secrets: str) -> str:
    """The text with every secret in it, and each of `secrets`, as `***`."""
    for secret in sorted({*secrets, *_values()} - {""}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern in (*_IN_ADDRESSES, *_KEYS):
        text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
    return text


def holds_secret(text: str) -> bool:
    """Whether `redact` would change the text."""
    return redact(text) != text


def _values() -> set[str]:
    """The values of environment variables that are named as secrets are."""
    return {
        value for name, value in os.environ.items() if len(value) >= _SHORTEST and _SECRET_NAME.search(name.upper())
    }


class Redacting(logging.Filter):
    """Redacts every record that passes a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the redacted message in the place of the message; every record passes."""
        record.msg, record.args = redact(record.getMessage()), None
        return True
