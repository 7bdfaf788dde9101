"""Judging a batch once: several rewards that ask about the same completions share one judgement."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from setwise.answers import Layout
from setwise.matching.gold import Gold
from setwise.matching.judge import Judgement, judge_batch

_Batch = tuple[Layout, tuple[object, ...], tuple[Gold, ...]]

REMEMBERED_BATCHES = 16
REMEMBERED_CHARACTERS = 2**25
"""A larger batch is judged without being remembered."""


class BatchMemo:
    """Remembers the judgements of the last batches, by content; safe from any thread.

    A second thread that asks about a batch that is being judged waits for the first one's answer.
    """

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._batches: deque[tuple[_Batch, Future[list[Judgement]]]] = deque(maxlen=size)

    def judge(self, texts: Sequence[object], golds: Sequence[Gold], layout: Layout) -> list[Judgement]:
        """`judge_batch`, not in full, at most once for a batch that is remembered."""
        if sum([len(text) for text in texts if isinstance(text, str)]) > REMEMBERED_CHARACTERS:
            return judge_batch(texts, golds, layout, full=False)
        batch = (layout, tuple([text if isinstance(text, str) else None for text in texts]), tuple(golds))
        with self._lock:
            known = next((future for other, future in self._batches if other == batch), None)
            if known is None:
                mine: Future[list[Judgement]] = Future()
                self._batches.append((batch, mine))
        if known is not None:
            return known.result()
        try:
            mine.set_result(judge_batch(batch[1], batch[2], layout, full=False))
        except BaseException as error:
            with self._lock:
                self._forget(mine)
            mine.set_exception(error)
            raise
        return mine.result()

    def _forget(self, failed: Future[list[Judgement]]) -> None:
        kept = [entry for entry in self._batches if entry[1] is not failed]
        self._batches.clear()
        self._batches.extend(kept)


_MEMO = BatchMemo(REMEMBERED_BATCHES)


def judge_once(texts: Sequence[object], golds: Sequence[Gold], layout: Layout) -> list[Judgement]:
    """`judge_batch` with a memory of the last few batches of this process, for rewards.

    The judgements may leave out the reasoning and the places of the blocks; the lists returned must not be changed.
    """
    return _MEMO.judge(texts, golds, layout)
