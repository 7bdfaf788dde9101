"""The policy: a small causal transformer made from config, or a model loaded from a folder or the Hub."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from setwise.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from setwise.params import ModelParams

log = logging.getLogger("setwise.training")

_INITIALIZER_RANGE = 0.1
"""Wider than Qwen's 0.02, which suits large models: at 64 units it left the clinic's first 300 steps at the prior
(top-3 coverage 67% of the attainable, against 91% with 0.1)."""


def build_model(params: ModelParams, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """A Qwen3 decoder of the params' size, its weights drawn from `seed`; embeddings are tied, confidences in order."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from setwise.training.confidences import confidence_tokens, order_confidences

    if params.hidden_size % params.heads:
        raise InputError(
            f"params.yaml: model.hidden_size {params.hidden_size} is not divisible by model.heads {params.heads}; "
            "choose a multiple"
        )
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=params.hidden_size,
        intermediate_size=params.intermediate_size,
        num_hidden_layers=params.layers,
        num_attention_heads=params.heads,
        num_key_value_heads=params.heads,
        head_dim=params.hidden_size // params.heads,
        max_position_embeddings=params.max_length,
        tie_word_embeddings=True,
        initializer_range=_INITIALIZER_RANGE,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(config)
    if tokens := confidence_tokens(tokenizer):
        order_confidences(model, tokens, seed)
    return model


def load_policy(
    path: str | Path,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    trust_remote_code: bool = False,
    safetensors_only: bool = True,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load model and tokenizer from a folder or the Hub.

    Args:
        path: a local folder, or a Hub name.
        revision: of the Hub.
        dtype: of the weights in memory.
        trust_remote_code: run the Python code that comes with the model; logged as a warning.
        safetensors_only: False takes weights in pickle files too; logged as a warning.

    Raises:
        InputError: nothing usable at `path`; the message says what to do.
    """
    from transformers import AutoModelForCausalLM

    if not safetensors_only:
        log.warning("model %s: safetensors_only is off: weights in pickle files, which can hold code, are read", path)
    tokenizer = load_tokenizer(path, revision=revision, trust_remote_code=trust_remote_code)
    with _as_input_error(path):
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype,
            use_safetensors=True if safetensors_only else None,
            revision=revision,
            trust_remote_code=trust_remote_code,
        )
    return model, tokenizer


def load_tokenizer(
    path: str | Path, *, revision: str | None = None, trust_remote_code: bool = False
) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, padding on the left; see `load_policy`."""
    from transformers import AutoTokenizer

    if not Path(path).exists() and str(path).count("/") != 1:
        raise InputError(f"model {path}: no such folder; give a local folder or a Hub name such as Qwen/Qwen3-8B")
    if trust_remote_code:
        log.warning("model %s: trust_remote_code is on: code that comes with the model runs on this machine", path)
    with _as_input_error(path):
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision, trust_remote_code=trust_remote_code)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def end_token_ids(folder: Path, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids that end a completion of the model in `folder`, read without its weights."""
    config = folder / "generation_config.json"
    ids = json.loads(config.read_text(encoding="utf-8")).get("eos_token_id") if config.exists() else None
    if ids is None:
        ids = tokenizer.eos_token_id
    return list(ids) if isinstance(ids, list) else [int(ids)]


@contextmanager
def _as_input_error(path: str | Path) -> Iterator[None]:
    """What transformers raises for a model that is missing or unusable, as one line."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"model {path}: cannot be loaded ({reason}); give a folder with *.safetensors, or a reachable Hub name"
        ) from error
