"""Judging a batch once: several rewards that ask about the same completions share one judgement."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future

from setwise.answers import Layout
from setwise.matching.gold import Gold
from setwise.matching.judge import Judgement, judge_batch

_Batch = tuple[Layout, tuple[object, ...], tuple[Gold, ...]]

REMEMBERED_BATCHES = 4
REMEMBERED_CHARACTERS = 2**25
"""A larger batch is judged without being remembered."""


class BatchMemo:
    """Remembers the judgements of the last batches, by content; safe from any thread.

    A second thread that asks about a batch that is being judged waits for the first one's answer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._batches: OrderedDict[_Batch, Future[list[Judgement]]] = OrderedDict()

    def judge(self, texts: Sequence[object], golds: Sequence[Gold], layout: Layout) -> list[Judgement]:
        """`judge_batch`, at most once for a batch that is remembered."""
        if sum([len(text) for text in texts if isinstance(text, str)]) > REMEMBERED_CHARACTERS:
            return judge_batch(texts, golds, layout)
        batch = (layout, tuple([text if isinstance(text, str) else None for text in texts]), tuple(golds))
        with self._lock:
            known = self._batches.get(batch)
            if known is None:
                mine: Future[list[Judgement]] = Future()
                self._batches[batch] = mine
                if len(self._batches) > self._size:
                    self._batches.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            mine.set_result(judge_batch(batch[1], batch[2], layout))
        except BaseException as error:
            with self._lock:
                self._batches.pop(batch, None)
            mine.set_exception(error)
            raise
        return mine.result()


_MEMO = BatchMemo(REMEMBERED_BATCHES)


def judge_once(texts: Sequence[object], golds: Sequence[Gold], layout: Layout) -> list[Judgement]:
    """`judge_batch` with a memory of the last few batches of this process. The lists returned must not be changed."""
    return _MEMO.judge(texts, golds, layout)
