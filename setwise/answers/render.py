"""`AnswerSet` → completion text in a layout; `parse(render(s, layout), layout) == s`."""

from __future__ import annotations

from setwise.answers.layout import AnswerSet, Layout


def render(answer_set: AnswerSet, layout: Layout) -> str:
    """The completion that states `answer_set`, answers and confidences interleaved.

    Raises:
        ValueError: the set does not fit the layout (another K, confidences missing or not asked for).
    """
    if len(answer_set.answers) != layout.k:
        raise ValueError(f"the layout asks for {layout.k} answers, the set holds {len(answer_set.answers)}")
    if (answer_set.confidences is not None) != layout.confidences:
        raise ValueError("confidences must be stated exactly where the layout asks for them")
    parts = [f"<think> {answer_set.reasoning} </think>" if answer_set.reasoning else "<think> </think>"]
    for i, answer in enumerate(answer_set.answers):
        number = "" if layout.k == 1 else str(i + 1)
        parts.append(f"<answer{number}> {answer} </answer{number}>")
        if answer_set.confidences is not None:
            parts.append(f"<confidence{number}> {answer_set.confidences[i]:.2f} </confidence{number}>")
    return " ".join(parts)
