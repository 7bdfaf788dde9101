"""How much samples of one question repeat each other: figures by method, and a pair with the shared words marked."""

from __future__ import annotations

from dataclasses import dataclass

from setwise.report.numbers import with_interval
from setwise.report.results import Results

_OVERLAPS = ("overlap_3gram", "overlap_4gram", "overlap_jaccard", "overlap_rouge_l")


@dataclass(frozen=True)
class Pair:
    """Two generations of one question; each text as pieces of (text, whether it stands in both)."""

    method: str
    question: str
    texts: tuple[tuple[tuple[str, bool], ...], ...]
    rouge_l: float | None
    mean_rouge_l: float | None


def overlap_rows(results: Results) -> list[tuple[str, ...]]:
    """Of each method: its overlaps between valid generations, with intervals."""
    rows = []
    for method in results.methods:
        metrics = results.report(results.many(method))["metrics"]
        entries = [metrics[f"{name}_valid"] for name in _OVERLAPS]
        rows.append((method, *("–" if e["value"] is None else with_interval(e) for e in entries)))
    return rows


def pairs(results: Results) -> list[Pair]:
    """The highlighted pair of each method that has one."""
    found = []
    for method in results.methods:
        report = results.report(results.many(method))
        pair, mean = report["highlighted_pair"], report["metrics"]["overlap_rouge_l_valid"]["value"]
        if pair is not None:
            texts = zip(pair["texts"], pair["shared"], strict=True)
            marked = tuple(pieces(text, spans) for text, spans in texts)
            found.append(Pair(method, pair["question"], marked, pair["overlaps"]["overlap_rouge_l"], mean))
    return found


def pieces(text: str, spans: list[list[int]]) -> tuple[tuple[str, bool], ...]:
    """A text cut at the spans; spans that touch or are parted by blanks alone are joined."""
    joined: list[list[int]] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    cut: list[tuple[str, bool]] = []
    at = 0
    for start, end in joined:
        cut += [(text[at:start], False), (text[start:end], True)]
        at = end
    return tuple(piece for piece in [*cut, (text[at:], False)] if piece[0])
