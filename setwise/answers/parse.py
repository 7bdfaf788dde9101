"""Completion text → `AnswerSet`, or the `Reason` why it is none. One pass, linear in the text.

Blocks are read from left to right and reading stops at the first thing that is out of place, so that a hostile text
costs no more than a few searches of the text. What stands inside `<think>` is never looked at.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from setwise.answers.layout import AnswerSet, Layout, Reason, Span, tag_names
from setwise.answers.visible import shows

MAX_BYTES = 2**19
"""A longer completion (in bytes of UTF-8, about 130,000 tokens of English) is not read."""

_OPENING = re.compile(r"\s*+<((?:think|analysis|answer|confidence)[0-9]*+)>")
_TAG = re.compile(r"</?(?:think|analysis|answer|confidence)[0-9]*+>")
_VISIBLE = re.compile(r"\S")
_DECIMAL = r"\s*+((?:0?\.[0-9]{1,400}+|0|1(?:\.0{1,400}+)?))\s*+"
_CONFIDENCE = re.compile(_DECIMAL)
_THINK = re.compile(r"\s*+<think>")


class Block(NamedTuple):
    """One `<tag> content </tag>` of a completion; `span` includes the tags."""

    tag: str
    content: str
    span: Span


class Reading(NamedTuple):
    """What could be read of a completion, and the reason it is no valid set (None if it is one).

    The other fields are those of `AnswerSet`.
    """

    answers: tuple[str, ...] = ()
    confidences: tuple[float, ...] | None = None
    reasoning: str = ""
    analysis: str | None = None
    blocks: tuple[Span, ...] = ()
    reason: Reason | None = None


def parse(text: object, layout: Layout) -> AnswerSet | Reason:
    """Read one completion. Never raises on any `text`; see `Reason` for what can be wrong."""
    reading = read(text, layout)
    return AnswerSet(*reading[:-1]) if reading.reason is None else reading.reason


def read(text: object, layout: Layout) -> Reading:
    """Like `parse`, but with an invalid text keep the answers that were read before the fault, for display."""
    return read_batch([text], layout)[0]


def read_batch(texts: Sequence[object], layout: Layout, full: bool = True) -> list[Reading]:
    """`read` of each text.

    Not in `full`, the reasoning, the analysis and the places of the blocks may be left out, which saves much time and
    memory.
    """
    plain = _plain_pattern(layout, full)
    return [_read_plain(text, plain, full) or _read_any(text, layout) for text in texts]


def _read_any(text: object, layout: Layout) -> Reading:
    if not isinstance(text, str):
        return Reading(reason=Reason.NOT_TEXT)
    if (fault := _text_fault(text)) is not None:
        return Reading(reason=fault)
    if not _VISIBLE.search(text):
        return Reading(reason=Reason.EMPTY)
    blocks, reason = _read_blocks(text, limit=2 * layout.k + 2)
    if reason is None and tuple([block.tag for block in blocks]) not in _orders(layout):
        reason = _order_fault([block.tag for block in blocks], layout)
    if reason is not None:
        answers = tuple(block.content.strip() for block in blocks if block.tag.startswith("answer"))
        return Reading(answers, reasoning=_reasoning(blocks), reason=reason)
    return _read_set(blocks, layout)


def _text_fault(text: str) -> Reason | None:
    if len(text) > MAX_BYTES:
        return Reason.TOO_LONG
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return Reason.NOT_UTF8
        if "\ufffd" in text:
            return Reason.NOT_UTF8
        if size > MAX_BYTES:
            return Reason.TOO_LONG
    return None


class _Plain(NamedTuple):
    """What follows the reasoning in a valid set of interleaved pairs without an analysis and without a `<`.

    The groups of the pattern hold the whole block (in `full` alone), what it holds, and so on.
    """

    pattern: re.Pattern[str]
    answers: slice
    confidences: slice | None


@lru_cache(maxsize=64)
def _plain_pattern(layout: Layout, full: bool) -> _Plain:
    answers, confidences = tag_names(layout)
    block = "(<{0}>{1}</{0}>)" if full else "<{0}>{1}</{0}>"
    blocks = []
    for i, answer in enumerate(answers):
        blocks.append(block.format(answer, "([^<]*+)"))
        if confidences:
            blocks.append(block.format(confidences[i], _DECIMAL))
    pattern = re.compile(r"\s*+" + r"\s*+".join(blocks) + r"\s*+")
    each = 1 + full
    step = 2 * each if confidences else each
    return _Plain(pattern, slice(each - 1, None, step), slice(step - 1, None, step) if confidences else None)


def _read_plain(text: object, plain: _Plain, full: bool) -> Reading | None:
    """The set, where the text is in the one form nearly every completion has; None where it must be read in full.

    Gives what the reading in full gives, several times faster.
    """
    if not isinstance(text, str) or _text_fault(text) is not None or (opening := _THINK.match(text)) is None:
        return None
    start = opening.end()
    close = text.find("<", start)  # most reasoning holds no `<`, and one character is found fastest
    if not text.startswith("</think>", close) and (close := text.find("</think>", start)) < 0:
        return None
    pattern, answers_at, confidences_at = plain
    rest = pattern.fullmatch(text, close + 8)
    if rest is None:
        return None
    groups = rest.groups()
    answers = tuple([answer.strip() for answer in groups[answers_at]])
    return Reading(
        answers,
        None if confidences_at is None else tuple(map(float, groups[confidences_at])),
        text[start:close].strip() if full else "",
        None,
        ((start - 7, close + 8), *rest.regs[1::2]) if full else (),
        None if _are_visible(answers) else Reason.EMPTY_ANSWER,
    )


def _read_blocks(text: str, limit: int) -> tuple[list[Block], Reason | None]:
    """The blocks up to the first fault, or all of them; at most `limit`."""
    blocks: list[Block] = []
    position = 0
    while opening := _OPENING.match(text, position):
        tag, inner = opening[1], opening.end()
        if not blocks and tag != "think":
            return blocks, Reason.NO_THINK
        if len(blocks) == limit:
            return blocks, Reason.EXTRA
        closing = f"</{tag}>"
        close = text.find(closing, inner)
        if close < 0:
            return blocks, Reason.UNCLOSED
        content = text[inner:close]
        if tag != "think" and "<" in content and _TAG.search(content):
            return blocks, Reason.NESTED
        position = close + len(closing)
        blocks.append(Block(tag, content, (opening.start(1) - 1, position)))
    if not blocks:
        return blocks, Reason.NO_THINK
    return blocks, Reason.STRAY_TEXT if _VISIBLE.search(text, position) else None


@lru_cache(maxsize=64)
def _orders(layout: Layout) -> frozenset[tuple[str, ...]]:
    """Every order of tags the layout reads: pairs interleaved or all answers first, and where analysis may stand."""
    answers, confidences = tag_names(layout)
    if confidences:
        pairs = tuple(tag for pair in zip(answers, confidences, strict=True) for tag in pair)
        bodies = {pairs, answers + confidences}
    else:
        bodies = {answers}
    orders = set(bodies)
    if layout.analysis:
        orders |= {(*body, "analysis") for body in bodies}
        if confidences:
            cuts = [(body, body.index(confidences[0])) for body in bodies]
            orders |= {(*body[:cut], "analysis", *body[cut:]) for body, cut in cuts}
    return frozenset(("think", *order) for order in orders)


def _order_fault(tags: list[str], layout: Layout) -> Reason:
    answers, confidences = tag_names(layout)
    asked = {"think", *answers, *confidences}
    if len(set(tags)) < len(tags):
        return Reason.REPEATED
    if set(tags) - asked - ({"analysis"} if layout.analysis else set()):
        return Reason.EXTRA
    return Reason.MISSING if asked - set(tags) else Reason.UNORDERED


def _read_set(blocks: list[Block], layout: Layout) -> Reading:
    by_tag = {block.tag: block for block in blocks}
    answer_tags, confidence_tags = tag_names(layout)
    answers = tuple([by_tag[tag].content.strip() for tag in answer_tags])
    pairs = itertools.chain(*zip(answer_tags, confidence_tags, strict=True)) if confidence_tags else answer_tags
    stated = [_CONFIDENCE.fullmatch(by_tag[tag].content) for tag in confidence_tags]
    known = all(stated)
    found = Reading(
        answers,
        tuple([float(q[1]) for q in stated if q]) if confidence_tags and known else None,
        _reasoning(blocks),
        by_tag["analysis"].content.strip() if "analysis" in by_tag else None,
        (by_tag["think"].span, *[by_tag[tag].span for tag in pairs]),
    )
    if not _are_visible(answers):
        return found._replace(reason=Reason.EMPTY_ANSWER)
    return found if known else found._replace(reason=Reason.BAD_CONFIDENCE)


def _reasoning(blocks: list[Block]) -> str:
    return blocks[0].content.strip() if blocks and blocks[0].tag == "think" else ""


def _are_visible(answers: tuple[str, ...]) -> bool:
    """Whether each (stripped) answer holds a character that shows, not only control, filler and zero-width ones."""
    whole = "".join(answers)
    return all(answers) if whole.isascii() and whole.isprintable() else all(map(shows, answers))
