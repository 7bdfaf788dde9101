"""`AnswerSet` → completion text in a layout; `parse(render(s, layout), layout) == s`."""

from __future__ import annotations

from decimal import Decimal

from setwise.answers.layout import AnswerSet, Layout, Reason, tag_names
from setwise.answers.parse import parse


def render(answer_set: AnswerSet, layout: Layout, decimals: int | None = None) -> str:
    """The completion that states `answer_set`, answers and confidences interleaved, an analysis at the end.

    Args:
        answer_set: what to state; surrounding white space of its texts is not kept.
        layout: the layout to state it in.
        decimals: round confidences to so many decimals. None states them exactly, with two decimals where two are
            enough.

    Raises:
        ValueError: the set does not fit the layout (another K, confidences missing or not asked for), or a text of it
            can't be stated in it (an empty answer, one that holds a tag, a confidence outside [0, 1]).
    """
    if len(answer_set.answers) != layout.k:
        raise ValueError(f"the layout asks for {layout.k} answers, the set holds {len(answer_set.answers)}")
    if (answer_set.confidences is not None) != layout.confidences:
        raise ValueError("confidences must be stated exactly where the layout asks for them")
    if answer_set.confidences is not None and len(answer_set.confidences) != layout.k:
        raise ValueError(f"the set holds {layout.k} answers and {len(answer_set.confidences)} confidences")
    answer_tags, confidence_tags = tag_names(layout)
    parts = [f"<think> {answer_set.reasoning.strip()} </think>" if answer_set.reasoning.strip() else "<think> </think>"]
    for i, tag in enumerate(answer_tags):
        parts.append(f"<{tag}> {answer_set.answers[i].strip()} </{tag}>")
        if answer_set.confidences is not None:
            stated = _decimal(answer_set.confidences[i], decimals)
            parts.append(f"<{confidence_tags[i]}> {stated} </{confidence_tags[i]}>")
    if answer_set.analysis is not None:
        parts.append(f"<analysis> {answer_set.analysis.strip()} </analysis>")
    text = " ".join(parts)
    if isinstance(reason := parse(text, layout), Reason):
        raise ValueError(f"the set can't be stated in the layout: {reason}")
    return text


def _decimal(confidence: float, decimals: int | None) -> str:
    """A plain decimal: no sign, no exponent."""
    confidence = abs(confidence) if confidence == 0 else confidence
    if decimals is not None:
        return f"{confidence:.{decimals}f}"
    short = f"{confidence:.2f}"
    return short if float(short) == confidence else format(Decimal(repr(float(confidence))), "f")
