"""The protocols: what is generated for a question, and which set of answers is judged.

| protocol | generations | the judged set |
|---|---|---|
| `one` | 1 (or several, for curves) | each generation's own answers |
| `sample-N` | N ≤ 30 of a single-answer model | the union of the N answers |
| `prompted` | as `one` | a single-answer model's weights asked for K answers |
| `warmstart`, `base` | as `one` | the warm-started and the untrained policy, asked as the method asks |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from setwise.answers.layout import Layout
from setwise.errors import InputError
from setwise.methods import Method

MAX_ANSWERS = 30
"""Answers the scaling curves go up to, and the most generations of `sample-N`; as in arXiv 2603.24844."""

_SETS = ("one", "prompted", "warmstart", "base")
_SAMPLE = re.compile(r"sample-([1-9]\d*)", re.ASCII)


@dataclass(frozen=True)
class Protocol:
    """How a model is asked and judged.

    Attributes:
        name: `one`, `sample-N`, `prompted`, `warmstart` or `base`.
        layout: what each completion must look like; also what the prompt must ask for.
        generations: completions drawn for each question.
        union: whether the union of a question's generations is judged as one set.
    """

    name: str
    layout: Layout
    generations: int = 1
    union: bool = False

    @property
    def answers(self) -> int:
        """Answers asked for in one judged set."""
        return self.generations if self.union else self.layout.k


def get_protocol(name: str, method: Method, k: int, generations: int = 1) -> Protocol:
    """The protocol called `name` for a model trained by `method`.

    Args:
        name: see the module's table.
        method: what the model was trained by; `prompted` takes the multi-answer form of it.
        k: answers of a multi-answer set.
        generations: completions for each question, for `one` and its like; `sample-N` says its own number.

    Raises:
        InputError: unknown name, N out of range, or a protocol that does not fit the method.
    """
    sample = _SAMPLE.fullmatch(name)
    if sample:
        n = int(sample.group(1))
        if method.multi:
            raise InputError(f"{name}: {method.name} gives sets; use protocol one with several generations")
        if n > MAX_ANSWERS:
            raise InputError(f"{name}: at most {MAX_ANSWERS} samples; use sample-{MAX_ANSWERS}")
        return Protocol(name, Layout(k=1, confidences=method.confidences), n, union=True)
    if name not in _SETS:
        raise InputError(f"unknown protocol {name!r}: use one of {', '.join(_SETS)} or sample-N")
    if name == "prompted" and method.multi:
        raise InputError(f"prompted: {method.name} is trained to give sets; use protocol one")
    layout = Layout(k=k, confidences=method.confidences) if name == "prompted" else method.layout(k)
    return Protocol(name, layout, generations)
