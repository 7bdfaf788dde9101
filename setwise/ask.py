"""Ask a trained model: ranked answers with confidences, by the prompt, the parser and the settings that training used.

The command `setwise ask` and the served model both answer through `answer`. What a served model needs imports neither
params nor domains: they come with the workspace.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.answers import AnswerSet, Layout, Reason, parse
from setwise.engines import Sampling
from setwise.errors import InputError
from setwise.matching import Gold, get_matcher
from setwise.matching.program import program_key
from setwise.methods import METHODS, get_method
from setwise.prompts import build_prompt

if TYPE_CHECKING:
    from setwise.engines.pick import ModelEngine
    from setwise.params import Params

log = logging.getLogger("setwise.ask")

RETRY_TEMPERATURE = 1.0
"""A second try is sampled at this temperature at least: decoded greedily, it would be the first one again."""


_EMPTY, _NO_TEXT, _TOO_LONG = (f"the question is {what}" for what in ("empty", "no valid text", "too long"))
_CHANGED = "the question does not come through the model's chat template"
REFUSALS = (_EMPTY, _NO_TEXT, _TOO_LONG, _CHANGED)
"""How the reason begins where a question was not put to the model."""


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

    @classmethod
    def from_json(cls, reply: dict[str, Any]) -> Reply:
        """The reply that `to_json` wrote; the completion of a valid one is not in it."""
        answers = tuple((answer["text"], answer["confidence"]) for answer in reply["answers"])
        return cls(answers, reply.get("reasoning") or "", reply.get("completion") or "", reply.get("reason"))


@dataclass(frozen=True)
class Asking:
    """How a model is asked, the same for every question.

    Attributes:
        method: what it was trained by.
        k: answers of a multi-answer set.
        instruction: the domain's task, for models with a chat template.
        match: the domain's matcher, which says when two answers are the same.
        max_tokens: of a completion.
        context: tokens that prompt and completion may have together; None where the model does not say.
    """

    method: str
    k: int
    instruction: str
    match: str
    max_tokens: int
    context: int | None = None

    @property
    def layout(self) -> Layout:
        """What a completion must look like."""
        return get_method(self.method).layout(self.k)

    @classmethod
    def of(cls, params: Params, method: str, folder: Path) -> Asking:
        """How the params ask the model in `folder`; `InputError` where it was trained to be asked otherwise."""
        from setwise.asked import check_asked
        from setwise.domains import get_domain

        check_asked(folder, params, method)
        config = folder / "config.json"
        context = json.loads(config.read_text(encoding="utf-8")).get("max_position_embeddings")
        domain = get_domain(params.domain.name)
        return cls(method, params.k, domain.instruction, domain.match, params.evaluate.max_completion_tokens, context)

    def to_json(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return asdict(self)


def answer(
    questions: Sequence[str],
    engine: ModelEngine,
    asking: Asking,
    temperature: float = 0.0,
    retry: bool = False,
    seed: int = 0,
) -> list[Reply]:
    """One reply for each question, in order.

    Args:
        questions: texts; one that is empty, no UTF-8, too long for the model or not taken by its chat template gets a
            reply that says so.
        engine: the model.
        asking: how it is asked.
        temperature: 0 is greedy decoding.
        retry: ask once more, sampling, where a completion does not parse; the first reply stands if that fails too.
        seed: of the sampling.
    """
    put = [_put(question, engine, asking) for question in questions]
    prompts, refusals = [prompt for prompt, _ in put], [refusal for _, refusal in put]
    replies = {i: Reply((), "", "", reason) for i, reason in enumerate(refusals) if reason is not None}
    open_ = [i for i in range(len(questions)) if i not in replies]
    first = Sampling(temperature, max_tokens=asking.max_tokens, seed=seed)
    replies |= _try(open_, prompts, engine, asking, first)
    again = [i for i in open_ if replies[i].reason is not None]
    if retry and again:
        sampling = Sampling(max(temperature, RETRY_TEMPERATURE), max_tokens=asking.max_tokens, seed=seed + 1)
        second = _try(again, prompts, engine, asking, sampling)
        replies |= {i: reply for i, reply in second.items() if reply.reason is None}
    return [replies[i] for i in range(len(questions))]


def _put(question: str, engine: ModelEngine, asking: Asking) -> tuple[str, str | None]:
    """The prompt of a question, and why it can't be put to the model; None where it can."""
    if not question.strip():
        return "", _EMPTY
    if not _is_text(question):
        return "", _NO_TEXT
    try:
        prompt = build_prompt(question, asking.layout, engine.tokenizer, asking.instruction)
    except InputError as error:
        return "", f"{_CHANGED}: {error}"
    if asking.context is None:
        return prompt, None
    room = asking.context - asking.max_tokens
    tokens = len(engine.tokenizer(prompt, add_special_tokens=False)["input_ids"])
    return prompt, f"{_TOO_LONG}: {tokens} tokens, the model takes {room}" if tokens > room else None


def _is_text(question: str) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair, as JSON and command lines can hold, can't."""
    try:
        question.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_question(question: str) -> None:
    """Raise `InputError` where no model could be asked this."""
    if not question.strip():
        raise InputError(f"{_EMPTY}; put it in quotes")
    if not _is_text(question):
        raise InputError(f"{_NO_TEXT}; write it as UTF-8")


def _try(
    rows: Sequence[int], prompts: Sequence[str], engine: ModelEngine, asking: Asking, sampling: Sampling
) -> dict[int, Reply]:
    """The replies to the prompts of `rows`, by row."""
    if not rows:
        return {}
    texts = [drawn[0].text for drawn in engine.generate([prompts[i] for i in rows], sampling)]
    return dict(zip(rows, _read(texts, asking), strict=True))


def _read(completions: Sequence[str], asking: Asking) -> list[Reply]:
    """Completions as replies, their answers the surest first; a set that repeats an answer is invalid."""
    parsed = [parse(text, asking.layout) for text in completions]
    keys = iter(_keys([found.answers for found in parsed if isinstance(found, AnswerSet)], asking.match))
    replies = []
    for text, found in zip(completions, parsed, strict=True):
        if not isinstance(found, AnswerSet):
            replies.append(Reply((), "", text, str(found)))
        elif len(set(next(keys))) < len(found.answers):
            replies.append(Reply((), "", text, str(Reason.DUPLICATE)))
        else:
            stated = found.confidences or (None,) * asking.layout.k
            ranked = sorted(zip(found.answers, stated, strict=True), key=lambda pair: -(pair[1] or 0.0))
            replies.append(Reply(tuple(ranked), found.reasoning, text))
    return replies


def _keys(sets: Sequence[tuple[str, ...]], match: str) -> list[tuple[str, ...]]:
    """The keys of each set's answers where no gold is known; programs are read, not run."""
    if match == "code":
        return [tuple(program_key(answer) for answer in answers) for answers in sets]
    found = get_matcher(match)(sets, [Gold((), match)] * len(sets))
    if unsure := sum(bool(matched.faults) for matched in found):
        log.warning(
            "%d of %d replies: whether two answers are the same could not be told; both are given", unsure, len(sets)
        )
    return [matched.keys for matched in found]


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
    engine: ModelEngine | None = None,
) -> Reply:
    """Put `question` to the trained model of a method.

    Raises:
        InputError: the question is empty or no UTF-8; the method is unknown, not trained, or trained by other params.
    """
    check_question(question)
    method = get_method(method_name or default_method(params, models))
    folder = models / method.name
    if not folder.is_dir():
        raise InputError(f"{folder}: {method.name} is not trained; run `dvc repro train@{method.name}`")
    asking = Asking.of(params, method.name, folder)
    if engine is None:
        from setwise.engines.transformers import TransformersEngine

        trust = params.model.trust_remote_code
        engine = TransformersEngine.load(folder, dtype=params.model.dtype, trust_remote_code=trust)
    return answer([question], engine, asking, temperature)[0]
