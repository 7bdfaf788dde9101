"""The shape of a dense decoder, from a config file or from the params, and what follows from it by counting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setwise.errors import InputError
from setwise.params import ModelParams


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a decoder of Qwen3's kind: grouped-query attention, gated MLP, RMS norms, no biases."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool
    context: int

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of the linear layers of one block, by name."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "q_proj": (self.hidden, q),
            "k_proj": (self.hidden, kv),
            "v_proj": (self.hidden, kv),
            "o_proj": (q, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def block_parameters(self) -> int:
        """Parameters of one block, with its norms and those of queries and keys."""
        return sum(i * o for i, o in self.linears.values()) + 2 * self.hidden + 2 * self.head_dim

    @property
    def parameters(self) -> int:
        """All parameters."""
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        return embeddings + self.layers * self.block_parameters + self.hidden

    def cache_bytes_per_token(self, bytes_each: int) -> int:
        """Keys and values of one token."""
        return self.layers * 2 * self.kv_heads * self.head_dim * bytes_each

    def activations_per_token(self) -> int:
        """Numbers that one block keeps for its backward pass, for each token.

        The inputs of norms and linear layers, queries and keys before and after their norms, and the MLP's gate, its
        activation, the other half and their product. Attention is counted as a fused kernel that keeps no scores.
        """
        return (
            4 * self.hidden + 3 * self.heads * self.head_dim + 4 * self.kv_heads * self.head_dim + 4 * self.intermediate
        )


_CONTEXT = 40_960
KNOWN = {
    "Qwen/Qwen3-0.6B": ModelShape(1024, 3072, 28, 16, 8, 128, 151_936, True, _CONTEXT),
    "Qwen/Qwen3-1.7B": ModelShape(2048, 6144, 28, 16, 8, 128, 151_936, True, _CONTEXT),
    "Qwen/Qwen3-4B": ModelShape(2560, 9728, 36, 32, 8, 128, 151_936, True, _CONTEXT),
    "Qwen/Qwen3-8B": ModelShape(4096, 12_288, 36, 32, 8, 128, 151_936, False, _CONTEXT),
    "Qwen/Qwen3-14B": ModelShape(5120, 17_408, 40, 40, 8, 128, 151_936, False, _CONTEXT),
}
"""Models whose shape is known here, so that a plan needs no network."""


def get_shape(model: ModelParams, own_tags: int) -> ModelShape:
    """The shape of the params' model.

    Args:
        model: a path, or the config of a small model.
        own_tags: tokens that a small model's tokenizer gets beside `vocab_size`.

    Raises:
        InputError: the shape is not known here, or not that of a dense decoder.
    """
    if model.path is None:
        head = model.hidden_size // model.heads
        sizes = (model.hidden_size, model.intermediate_size, model.layers, model.heads, model.heads, head)
        return ModelShape(*sizes, model.vocab_size + own_tags, True, model.max_length)
    if model.path in KNOWN:
        return KNOWN[model.path]
    config = Path(model.path) / "config.json"
    found = str(config) if config.is_file() else _cached(model.path, model.revision)
    if found is None:
        raise InputError(
            f"model.path: the shape of {model.path} is not known here; run `hf download {model.path} config.json`, "
            f"give a local folder, or one of {', '.join(KNOWN)}"
        )
    return read_shape(json.loads(Path(found).read_text(encoding="utf-8")), model.path)


def read_shape(config: Mapping[str, Any], name: str) -> ModelShape:
    """The shape a `config.json` gives; `InputError` where it is not a dense decoder's."""
    if any(key in config for key in ("num_experts", "num_local_experts", "n_routed_experts")):
        raise InputError(f"model.path: {name} is a mixture of experts; a plan can be made for dense models only")
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return ModelShape(
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads),
            vocab=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", False)),
            context=int(config["max_position_embeddings"]),
        )
    except KeyError as error:
        raise InputError(f"model.path: {name}: its config.json has no {error}; a plan needs a decoder's") from error


def _cached(name: str, revision: str | None) -> str | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return found if isinstance(found, str) else None
