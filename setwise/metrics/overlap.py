"""How much one generation repeats of another: n-gram overlap, Jaccard and ROUGE-L between texts.

Texts are compared by their words, lower-cased, the layout's tags left out. High overlap between samples of one
question means that repeated sampling pays for the same reasoning again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import LCSseq

from setwise.metrics.sets import Bools, Floats, Ratio

OVERLAPS = ("overlap_3gram", "overlap_4gram", "overlap_jaccard", "overlap_rouge_l")

MOST_PAIRS = 8
"""Pairs of generations read for one question: samples are exchangeable, so that more pairs say the same for longer."""

_WORD = re.compile(r"\w+")
_TAG = re.compile(r"</?[a-z]+\d*>")


def words(text: str) -> list[str]:
    """The words of a completion, lower-cased, without tags and punctuation."""
    return _WORD.findall(_TAG.sub(" ", text).casefold())


def ngram_overlap(a: Sequence[str], b: Sequence[str], n: int) -> float | None:
    """The Dice coefficient of the distinct n-grams, `2 |A ∩ B| / (|A| + |B|)`. None where either text has none."""
    first, second = _ngrams(a, n), _ngrams(b, n)
    return 2.0 * len(first & second) / (len(first) + len(second)) if first and second else None


def jaccard(a: Sequence[str], b: Sequence[str]) -> float | None:
    """Distinct words in both over distinct words in either. None where either text has no word."""
    first, second = set(a), set(b)
    return len(first & second) / len(first | second) if first and second else None


def rouge_l(a: Sequence[str], b: Sequence[str]) -> float | None:
    """The F1 of the longest common subsequence of words (ROUGE-L; Lin 2004). None where either text has no word."""
    return 2.0 * LCSseq.similarity(a, b) / (len(a) + len(b)) if a and b else None


def pair_overlaps(first: str, second: str) -> Floats:
    """[4] the `OVERLAPS` of two completions, NaN where one is undefined."""
    a, b = words(first), words(second)
    found = (ngram_overlap(a, b, 3), ngram_overlap(a, b, 4), jaccard(a, b), rouge_l(a, b))
    return np.array([np.nan if value is None else value for value in found])


def question_overlaps(texts: Sequence[Sequence[str]], valid: Bools) -> Floats:
    """[Q, P, 4] overlaps of disjoint pairs of generations: the first with the second, the third with the fourth …

    P = G // 2 and at most `MOST_PAIRS`.

    Args:
        texts: Q questions, G completions each.
        valid: [Q, G] which are valid. A pair with an invalid one is not read: NaN.
    """
    pairs = np.full((len(texts), min(valid.shape[1] // 2, MOST_PAIRS), len(OVERLAPS)), np.nan)
    for q, drawn in enumerate(texts):
        for p in range(pairs.shape[1]):
            if valid[q, 2 * p] and valid[q, 2 * p + 1]:
                pairs[q, p] = pair_overlaps(drawn[2 * p], drawn[2 * p + 1])
    return pairs


def mean_overlap(pairs: Floats, valid: Bools, *, valid_only: bool = False) -> Ratio:
    """The mean of one overlap over the pairs of each question.

    Args:
        pairs: [Q, P] one of the overlaps of `question_overlaps`.
        valid: [Q, G] which generations are valid. Over all, a pair with an invalid one repeats everything: 1.
        valid_only: leave such pairs out.
    """
    both = valid[:, 0 : 2 * pairs.shape[1] : 2] & valid[:, 1 : 2 * pairs.shape[1] : 2]
    read = np.isfinite(pairs)
    worst = np.zeros(len(valid)) if valid_only else (~both).sum(axis=1).astype(float)
    return Ratio(np.nansum(pairs, axis=1) + worst, read.sum(axis=1) + worst)


def shared_spans(first: str, second: str, n: int = 3) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where in each text the words stand that belong to an n-gram of both: (start, end) in characters, in order."""
    located = [_located(text) for text in (first, second)]
    grams = [_ngrams([word for word, _, _ in words_of], n) for words_of in located]
    common = grams[0] & grams[1]
    return _spans(located[0], common, n), _spans(located[1], common, n)


def _ngrams(a: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return set(zip(*(a[i:] for i in range(n)), strict=False))


def _located(text: str) -> list[tuple[str, int, int]]:
    blanked = _TAG.sub(lambda tag: " " * len(tag.group()), text)
    return [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(blanked)]


def _spans(located: list[tuple[str, int, int]], common: set[tuple[str, ...]], n: int) -> list[tuple[int, int]]:
    shared = [False] * len(located)
    for i in range(len(located) - n + 1):
        if tuple(word for word, _, _ in located[i : i + n]) in common:
            shared[i : i + n] = [True] * n
    spans: list[tuple[int, int]] = []
    for i, (_, start, end) in enumerate(located):
        if shared[i] and i > 0 and shared[i - 1]:
            spans[-1] = (spans[-1][0], end)
        elif shared[i]:
            spans.append((start, end))
    return spans
