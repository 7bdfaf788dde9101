"""`params.yaml` as typed, frozen models. Unknown keys are refused and every error names the key and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, SerializeAsAny, ValidationError, model_validator

from setwise.domains import get_domain, list_domains
from setwise.domains.base import DomainParams
from setwise.errors import InputError
from setwise.methods import METHODS, get_method
from setwise.redact import holds_secret, redact
from setwise.registry_params import RegistryParams
from setwise.scale_params import EndpointParams, EngineName, EngineVllmParams, ScaleParams
from setwise.section import Section
from setwise.yaml12 import YAMLError, load_yaml

MethodName = Literal["rlvr_single", "rlcr_single", "rlvr_multi", "rlcr_multi"]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
_IN_WORDS = {
    "missing": "missing; add it, as `setwise recipe show NAME --complete` has it",
    "model_type": "expected a section of keys",
    "dict_type": "expected a section of keys",
    "tuple_type": "expected a list",
    "invalid_key": "a key must be a text",
}
"""Pydantic's words for what has a plainer name in YAML."""


class ModelParams(Section):
    """The policy. With `path` a Hub name or local folder is loaded; without, a small model is made from this config.

    Attributes:
        trust_remote_code: run the Python code that comes with a model. It can do anything that you can.
        safetensors_only: refuse weights in pickle files, which can hold code too.
    """

    path: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    safetensors_only: bool = True
    dtype: Literal["float32", "bfloat16"] = "float32"
    hidden_size: Positive = 64
    intermediate_size: Positive = 192
    layers: Positive = 2
    heads: Positive = 4
    vocab_size: Annotated[int, Field(ge=300)] = 2000
    max_length: Positive = 512


class WarmstartParams(Section):
    """Supervised warm start (DESIGN §2): where demonstrations come from and how long to train on them.

    Attributes:
        source: `none` starts from the policy as it is, for a model that follows the layout when told.
        layout_share: share of demonstrations whose tags are learnt beside their answers and confidences.
        distill_from: `scores` takes the probability that the single-answer policy gives each answer of the domain's
            closed list; `samples` its share among `distill_samples` drawn answers, for open answers and reasoning.
            Either way questions with several right answers are stated marginal probabilities (see
            `setwise.training.demonstrations.Places`); then each place takes `distill_samples` draws.
        distill_examples: questions whose answers are distilled, one demonstration each, in turns over the layouts.
        confidence_weight: of the expected squared distance of stated confidences to the distilled ones, in the loss.
        threads: of this stage, which runs alone.
    """

    source: Literal["none", "template", "distill"] = "distill"
    examples: Positive = 34_000
    epochs: Annotated[float, Field(gt=0)] = 1
    learning_rate: Rate = 5e-3
    batch_size: Positive = 64
    layout_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    distill_from: Literal["scores", "samples"] = "scores"
    distill_examples: Positive = 38_000
    distill_samples: Annotated[int, Field(ge=2)] = 12
    distill_epochs: Annotated[float, Field(gt=0)] = 1.35
    distill_batch_size: Positive = 32
    confidence_weight: Annotated[float, Field(ge=0)] = 60.0
    threads: Positive = 2


class RewardParams(Section):
    """Weights of the reward's parts and the credit a set gets for its hits (DESIGN §2).

    Attributes:
        sum_rule: what confidences of an exclusive question that sum to more than 1 + `tolerance` cost: nothing (`off`),
            the `format` part, or everything (`invalid`).
    """

    credit: Literal["count", "any", "fraction"] = "count"
    format_weight: Annotated[float, Field(ge=0)] = 1.0
    correctness_weight: Annotated[float, Field(ge=0)] = 1.0
    brier_weight: Annotated[float, Field(ge=0)] = 1.0
    sum_rule: Literal["format", "invalid", "off"] = "off"
    tolerance: Annotated[float, Field(ge=0)] = 0.02


class TrainParams(Section):
    """Multi-answer RL with GRPO. Advantages are centred per group (DESIGN §2).

    `credit`: `answer` gives each token the advantage of the answer or confidence it is part of, `set` that of all.
    """

    steps: Positive = 300
    prompts_per_step: Positive = 64
    generations: Annotated[int, Field(ge=2)] = 4
    learning_rate: Rate = 7e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    temperature: Rate = 1.0
    beta: Annotated[float, Field(ge=0)] = 0.0
    credit: Literal["answer", "set"] = "answer"
    scale_rewards: Literal["batch", "none", "group"] = "batch"
    max_completion_tokens: Positive = 64
    checkpoints: Positive = 10
    held_out: Annotated[int, Field(ge=1)] = 2_000
    patience: Annotated[int, Field(ge=0)] = 0


class EvaluateParams(Section):
    """How and by which engine the test split is answered, how far the curves go, and how intervals are drawn.

    Attributes:
        engine: `auto` takes the endpoint where one is given, else vLLM where it is installed and a GPU is there, else
            transformers; which one it took and why is logged.
    """

    engine: EngineName = "auto"
    endpoint: EndpointParams | None = None
    vllm: EngineVllmParams = EngineVllmParams()
    temperature: Annotated[float, Field(ge=0)] = 1.0
    max_completion_tokens: Positive = 64
    answers: Annotated[int, Field(ge=1, le=30)] = 30
    batch_size: Positive = 512
    resamples: Annotated[int, Field(ge=100)] = 2000

    @model_validator(mode="after")
    def _engine_has_its_endpoint(self) -> EvaluateParams:
        if self.engine == "openai" and self.endpoint is None:
            raise ValueError("engine: 'openai' needs endpoint.url, such as http://127.0.0.1:8000/v1")
        return self


class Params(Section):
    """A complete `params.yaml`. What a recipe leaves out is in `DEFAULTS`."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    """As far as numpy goes."""
    k: Annotated[int, Field(ge=2, le=20)]
    methods: tuple[MethodName, ...]
    threads: Positive
    domain: SerializeAsAny[DomainParams]
    model: ModelParams
    warmstart: WarmstartParams
    reward: RewardParams
    train: TrainParams
    evaluate: EvaluateParams
    scale: ScaleParams
    registry: RegistryParams

    @model_validator(mode="after")
    def _consistent(self) -> Params:
        if len(set(self.methods)) != len(self.methods) or not self.methods:
            raise ValueError("methods: name each method once, and at least one")
        if self.train.scale_rewards == "group":
            stating = [name for name in self.methods if METHODS[name].confidences]
            if stating:
                raise ValueError(
                    f"train.scale_rewards: 'group' makes the Brier reward improper for {', '.join(stating)}; "
                    "use 'batch' or 'none'"
                )
        return self

    @model_validator(mode="after")
    def _questions_have_room(self) -> Params:
        limits = {"train": self.train.max_completion_tokens, "evaluate": self.evaluate.max_completion_tokens}
        full = [
            f"{section}.max_completion_tokens: {limit}"
            for section, limit in limits.items()
            if limit >= self.model.max_length
        ]
        if full and self.model.path is None:
            raise ValueError(
                f"model.max_length: {self.model.max_length} leaves no room for a question beside {' and '.join(full)}; "
                "raise the former or lower the latter"
            )
        return self


DEFAULTS: dict[str, Any] = {name: {} for name in Params.model_fields} | {
    "seed": 0,
    "k": 3,
    "methods": list(METHODS),
    "threads": 1,
    "domain": {"name": "clinic"},
}
"""The embedded default, the recipe `clinic`. What is left out of a section has the default of the section's model."""


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate a params file; every mistake in it is named in one `InputError` line."""
    return validate_params(read_sections(path), str(path))


def read_sections(path: Path) -> dict[str, Any]:
    """What a file of params or of a recipe says, not validated; `InputError` where it holds no mapping."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; move it away, then `setwise recipe use clinic` makes the file")
    if not path.exists():
        raise InputError(f"{path}: no such file; run inside the workspace, or `setwise recipe use clinic` to make one")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}; let this user read it") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping of sections, as `setwise recipe show clinic --complete` prints")
    return content


def validate_params(content: dict[str, Any], where: str) -> Params:
    """Validate params already read; `where` names their file in errors."""
    domain = content.get("domain")
    if not isinstance(domain, dict) or not isinstance(domain.get("name"), str):
        raise InputError(f"{where}: domain: expected a section with a `name`; domains: {', '.join(list_domains())}")
    try:
        domain_model = get_domain(domain["name"]).Params
    except InputError as error:
        raise InputError(f"{where}: domain.name: {error}") from error
    problems = [f"{key}: holds a password or a key; keep it in an environment variable" for key in _secrets(content)]
    try:
        content = {**content, "domain": domain_model.model_validate(domain)}
    except ValidationError as error:
        problems += [_describe({**e, "loc": ("domain", *e["loc"])}, domain_model) for e in error.errors()]
        content = {**content, "domain": domain_model.model_construct(name=domain["name"])}
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        problems += [_describe(dict(e), domain_model) for e in error.errors()]
    if problems:
        raise InputError(f"{where}: " + "; ".join(problems))
    return params


def _secrets(content: Any, key: str = "") -> Iterator[str]:
    """The keys whose text holds a secret: params go into logs, tracking and reports."""
    if isinstance(content, str) and holds_secret(content):
        yield key
    elif isinstance(content, Mapping | list):
        items = content.items() if isinstance(content, Mapping) else enumerate(content)
        for part, value in items:
            yield from _secrets(value, f"{key}.{part}".lstrip("."))


def _describe(error: dict[str, Any], domain_model: type[DomainParams]) -> str:
    """One pydantic error as `key: what; remedy`."""
    location = [str(part) for part in error["loc"]]
    key = ".".join(location)
    if error["type"] == "extra_forbidden":
        known = _known_keys(location[:-1], domain_model)
        close = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        remedy = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(sorted(known))}"
        return f"unknown key {key}: {remedy}"
    message = error["msg"].removeprefix("Value error, ")
    message = _IN_WORDS.get(error["type"], message[0].lower() + message[1:])
    given = error.get("input")
    private = location[-1:] == ["key_variable"]  # the key itself may stand there by mistake
    unshown = private or isinstance(given, dict | BaseModel) or error["type"] == "missing"
    shown = "" if unshown else f" (given: {redact(repr(given)):.80})"
    return f"{key}: {message}{shown}" if key else message


def _known_keys(section: list[str], domain_model: type[DomainParams]) -> list[str]:
    """The keys of a section of `Params`."""
    model: Any = Params
    for part in section:
        model = domain_model if part == "domain" else _section_of(model.model_fields[part].annotation)
    return list(model.model_fields)


def _section_of(annotation: Any) -> Any:
    """The section that a field holds, where the field may also be null."""
    return next((a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)), annotation)


def get_methods(params: Params, name: str | None) -> list[str]:
    """The methods a command works on: the one called `name`, or all of the params."""
    if name is None:
        return list(params.methods)
    get_method(name)
    if name not in params.methods:
        raise InputError(
            f"method {name!r} is not in params.yaml: methods; add it there, or use {', '.join(params.methods)}"
        )
    return [name]
