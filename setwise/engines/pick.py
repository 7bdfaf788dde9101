"""Which engine answers: the one the params name, or by what is there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from setwise.engines.base import Engine
from setwise.engines.vllm import VllmEngine, is_vllm_installed
from setwise.params import Params

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger("setwise.engines")


class ModelEngine(Engine, Protocol):
    """An engine that has the tokenizer of its model, with which prompts are built."""

    tokenizer: PreTrainedTokenizerBase


def pick_engine(params: Params, folder: Path) -> ModelEngine:
    """The engine for the weights in `folder`, as `params.evaluate.engine` says; what was taken and why is logged.

    Raises:
        InputError: the named engine is not installed, or its settings can't work.
    """
    name, reason = choose_engine(params)
    log.info("engine: %s (%s)", name, reason)
    model, settings = params.model, params.evaluate
    if name == "vllm":
        return VllmEngine.load(folder, model, settings.vllm, params.seed)
    if name == "openai" and settings.endpoint is not None:
        from setwise.engines.openai import OpenAIEngine
        from setwise.policy import end_token_ids, load_tokenizer

        tokenizer = load_tokenizer(folder, trust_remote_code=model.trust_remote_code)
        return OpenAIEngine(settings.endpoint, folder, tokenizer, end_token_ids(folder, tokenizer))
    from setwise.engines.transformers import TransformersEngine

    return TransformersEngine.load(folder, settings.batch_size, model.dtype, model.trust_remote_code)


def choose_engine(params: Params) -> tuple[str, str]:
    """The engine's name and the reason for it, without loading anything."""
    settings = params.evaluate
    if settings.engine != "auto":
        return settings.engine, "evaluate.engine"
    if settings.endpoint is not None:
        return "openai", f"auto: evaluate.endpoint is {settings.endpoint.url}"
    if not is_vllm_installed():
        return "transformers", "auto: no endpoint is given and vLLM is not installed"
    import torch

    if not torch.cuda.is_available():
        return "transformers", "auto: no endpoint is given and vLLM needs a GPU"
    return "vllm", "auto: vLLM is installed and a GPU is there"
