"""Ask a trained model one question: ranked answers with confidences, by the parser that training used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setwise.answers import AnswerSet, parse
from setwise.domains import get_domain
from setwise.engines import Engine, Sampling
from setwise.errors import InputError
from setwise.methods import METHODS, get_method
from setwise.params import Params
from setwise.prompts import build_prompt


@dataclass(frozen=True)
class Reply:
    """A model's reply. `answers` holds (text, confidence), best first; empty where `reason` says what was wrong."""

    answers: tuple[tuple[str, float | None], ...]
    reasoning: str
    completion: str
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The reply as the served model gives it."""
        reply: dict[str, Any] = {"answers": [{"text": t, "confidence": q} for t, q in self.answers]}
        reply["valid"] = self.reason is None
        if self.reason is not None:
            reply |= {"reason": self.reason, "completion": self.completion}
        elif self.reasoning:
            reply["reasoning"] = self.reasoning
        return reply


def default_method(params: Params, models: Path = Path("models")) -> str:
    """The method to ask when none is named: the trained one that states most (a set before one answer)."""
    order = sorted(METHODS.values(), key=lambda m: (m.multi, m.confidences), reverse=True)
    for method in order:
        if method.name in params.methods and (models / method.name).is_dir():
            return method.name
    raise InputError(f"{models}: no trained model of {', '.join(params.methods)}; run `make run` first")


def ask(
    question: str,
    params: Params,
    method_name: str | None = None,
    models: Path = Path("models"),
    temperature: float = 0.0,
    engine: Engine | None = None,
) -> Reply:
    """Put `question` to the trained model of a method.

    Raises:
        InputError: the question is empty, or the method is unknown or not trained.
    """
    if not question.strip():
        raise InputError("the question is empty; put it in quotes")
    method = get_method(method_name or default_method(params, models))
    folder = models / method.name
    if engine is None:
        if not folder.is_dir():
            raise InputError(f"{folder}: {method.name} is not trained; run `dvc repro train@{method.name}`")
        from setwise.engines.transformers import TransformersEngine

        engine = TransformersEngine.load(folder, dtype=params.model.dtype)
    layout = method.layout(params.k)
    prompt = build_prompt(question, layout, engine.tokenizer, get_domain(params.domain.name).instruction)  # type: ignore[attr-defined]
    sampling = Sampling(temperature=temperature, max_tokens=params.evaluate.max_completion_tokens)
    completion = next(iter(engine.generate([prompt], sampling)))[0]
    parsed = parse(completion.text, layout)
    if not isinstance(parsed, AnswerSet):
        return Reply((), "", completion.text, str(parsed))
    stated = parsed.confidences or (None,) * layout.k
    ranked = sorted(zip(parsed.answers, stated, strict=True), key=lambda pair: -(pair[1] or 0.0))
    return Reply(tuple(ranked), parsed.reasoning, completion.text)
