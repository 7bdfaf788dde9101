"""A live line for whatever trains or samples longer than a few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from transformers import TrainerCallback

log = logging.getLogger("setwise.training")

SECONDS = 5.0
"""At most one line in this time."""

Item = TypeVar("Item")


class LiveLine(TrainerCallback):
    """Says where a supervised training is and what its loss is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._last = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """One line every few seconds, and one at the end."""
        if not logs or "loss" not in logs:
            return
        if time.monotonic() - self._last >= SECONDS or state.global_step == state.max_steps:
            self._last = time.monotonic()
            step, loss = state.global_step, float(logs["loss"])
            log.info("%s: step %d of %d: loss %.3f", self.name, step, state.max_steps, loss)


def counted(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass `items` on, saying every few seconds how many of `total` there were."""
    last = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            log.info("%s: %d of %d", what, count, total)
