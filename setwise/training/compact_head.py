"""Score only labelled tokens on devices without Triton, where TRL's fused head projects every position.

With a small model the projection onto the vocabulary is most of a step, and prompt tokens are most of the positions:
leaving them out does no repeated work and changes no result.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from setwise.borrowed import check_borrowed, refuse

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

Penalty = Callable[["Tensor", "Tensor"], "Tensor"]
"""From log-probabilities (n, V) and labels (n,), what each labelled token's loss is raised by (n,)."""

_MOST_LOGITS = 1 << 27
"""Largest number of logits held at once (512 MiB in float32); above it TRL's tiled head is used."""


def add_compact_head(model: PreTrainedModel, temperature: float = 1.0, penalty: Penalty | None = None) -> None:
    """Replace the fused head that TRL put on `model` (a model that TRL's trainer has been built with).

    `model(..., labels=labels, fused_lm_head=True)` then returns the same log-probabilities and entropies, computed at
    positions whose next label is not −100 alone. Calls without `fused_lm_head` go to the original forward.

    With a `penalty` the log-probabilities are lessened by it: TRL's loss is minus their mean.

    Raises:
        InputError: TRL's fused head is called by other names.
    """
    import torch

    check_borrowed("trl")
    missing = {"fused_lm_head", "labels"} - set(inspect.signature(model.forward, follow_wrapped=False).parameters)
    refuse("trl", [f"the forward of its fused head takes no {name}" for name in sorted(missing)])
    on_cpu = next(model.parameters()).device.type == "cpu"
    if getattr(model.config, "num_local_experts", None) or not (on_cpu or penalty):
        return
    tiled_forward = model.forward

    def forward(self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, **kwargs: Any) -> Any:
        if not fused_lm_head or "shift_labels" in kwargs:
            return tiled_forward(*args, fused_lm_head=fused_lm_head, labels=labels, **kwargs)
        targets = labels[:, 1:]
        mask = targets != -100
        head = self.get_output_embeddings()
        if penalty is None and int(mask.sum()) * head.weight.shape[0] > _MOST_LOGITS:
            return tiled_forward(*args, fused_lm_head=True, labels=labels, **kwargs)
        items = kwargs.pop("num_items_in_batch", None)
        hidden = self.base_model(*args, **{**kwargs, "use_cache": False}).last_hidden_state[:, :-1]
        log_p = torch.log_softmax(head(hidden[mask]).float() / temperature, dim=-1)
        return _output(log_p, targets, mask, items, penalty)

    # `generate` validates its keyword arguments against the wrapped signature
    functools.update_wrapper(forward, type(model).forward)
    model.forward = types.MethodType(forward, model)


def _output(log_p: Any, targets: Any, mask: Any, items: Any, penalty: Penalty | None) -> Any:
    """TRL's output record from log-probabilities (n, V) of the n labelled positions of a (B, T) batch."""
    import torch
    from trl.trainer.utils import FusedCausalLMOutput

    labels = targets[mask]
    chosen = log_p.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    if penalty is not None:
        chosen = chosen - penalty(log_p, labels)
    with torch.no_grad():
        entropy = -(log_p.exp() * log_p).sum(-1)
        is_top1 = log_p.argmax(-1) == labels
    log_probs = chosen.new_zeros(mask.shape).masked_scatter(mask, chosen)
    return FusedCausalLMOutput(
        loss=-log_probs.sum() / (mask.sum().clamp(min=1) if items is None else items),
        log_probs=log_probs,
        entropy=entropy.new_zeros(mask.shape).masked_scatter(mask, entropy),
        log_sum_sq_probs=None,
        mean_logits=None,
        is_top1=is_top1.new_zeros(mask.shape).masked_scatter(mask, is_top1),
        label_mask=mask,
        aux_loss=None,
    )
