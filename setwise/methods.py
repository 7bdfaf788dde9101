"""The four training methods and the layout each of them asks for (DESIGN words: `rlvr_single` … `rlcr_multi`)."""

from __future__ import annotations

from dataclasses import dataclass

from setwise.answers import Layout
from setwise.errors import InputError


@dataclass(frozen=True)
class Method:
    """A method: how many answers one completion holds and whether it states confidences."""

    name: str
    multi: bool
    confidences: bool

    def answers(self, k: int) -> int:
        """Answers in one completion: `k` for a multi-answer method, 1 for a single-answer one."""
        return k if self.multi else 1

    def layout(self, k: int) -> Layout:
        """The completion layout this method is trained and judged with."""
        return Layout(k=self.answers(k), confidences=self.confidences)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("rlvr_single", multi=False, confidences=False),
        Method("rlcr_single", multi=False, confidences=True),
        Method("rlvr_multi", multi=True, confidences=False),
        Method("rlcr_multi", multi=True, confidences=True),
    )
}


def get_method(name: str) -> Method:
    """The method called `name`; `InputError` lists the known ones."""
    if not isinstance(name, str) or name not in METHODS:
        raise InputError(f"unknown method {name!r}: use one of {', '.join(METHODS)}")
    return METHODS[name]
