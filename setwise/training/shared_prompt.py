"""Score a batch of completions with each prompt computed once, however many completions answer it.

TRL forwards a prompt once per completion: G·(P + R) tokens for a group of G. Here a group is one row of P − 1 + G·R
tokens, `[prompt without its last token | last, c_1 | … | last, c_G]`: each completion is led by its own copy of the
prompt's last token, so that every label has one position that predicts it; positions restart at each copy, and a mask
lets a completion see the prompt and itself alone. Log-probabilities and gradients are the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""The label of a position that predicts nothing, as in `torch.nn.functional.cross_entropy`."""
_MULTIPLE = 8
"""Rows are padded to a multiple of it: fused attention on a GPU wants aligned masks."""
_FULL = ("full_attention",)


@dataclass(frozen=True)
class PackedGroups:
    """N groups of B completions as rows of T tokens.

    Attributes:
        input_ids, position_ids: (N, T).
        labels: (N, T), the token that each position predicts, or `IGNORED`.
        visible: (N, 1, T, T), True where the query (third axis) sees the key (fourth).
        rows, columns: (B, R), where each completion token is predicted; meaningless where `kept` is False.
        kept: (B, R), which completion tokens are no padding.
    """

    input_ids: Tensor
    position_ids: Tensor
    labels: Tensor
    visible: Tensor
    rows: Tensor
    columns: Tensor
    kept: Tensor

    def spread(self, values: Tensor) -> Tensor:
        """`values` (N, T) of the predicting positions as (B, R), one for each completion token; 0 at padding."""
        return values[self.rows, self.columns].masked_fill(~self.kept, 0)


def pack_groups(prompts: Tensor, prompt_mask: Tensor, completions: Tensor, completion_mask: Tensor) -> PackedGroups:
    """Completions of equal prompts, wherever they stand in the batch, as one row for each prompt.

    Args:
        prompts: token ids (B, P), padded on the left, at least one token each.
        prompt_mask: (B, P), 0 at padding.
        completions: token ids (B, R), padded on the right.
        completion_mask: (B, R), 0 at padding.
    """
    import torch

    device, width = prompts.device, completions.shape[1]
    marked = prompts.masked_fill(prompt_mask == 0, -1)
    distinct, group = torch.unique(marked, dim=0, return_inverse=True)
    shared = (distinct >= 0).sum(dim=1) - 1
    lengths = completion_mask.sum(dim=1)
    order = torch.argsort(group, stable=True)
    in_order = lengths[order]
    ends = in_order.cumsum(dim=0)
    before = torch.zeros(len(distinct), dtype=ends.dtype, device=device).index_add_(0, group, lengths).cumsum(dim=0)
    total = before.diff(prepend=before.new_zeros(1))
    starts = torch.empty_like(lengths)
    starts[order] = ends - in_order - (before - total)[group[order]]
    segment = torch.empty_like(group)
    segment[order] = torch.arange(1, len(group) + 1, device=device)
    columns = shared[group][:, None] + starts[:, None] + torch.arange(width, device=device)
    kept = completion_mask.bool()
    rows = group[:, None].expand_as(columns)
    size = -(-int((shared + total).max()) // _MULTIPLE) * _MULTIPLE

    places = torch.arange(size, device=device).expand(len(distinct), size)
    of_prompt = places < shared[:, None]
    aligned = (places + (prompts.shape[1] - 1 - shared)[:, None]).clamp(max=prompts.shape[1] - 1)
    input_ids = distinct.gather(1, aligned).masked_fill(~of_prompt, 0)
    positions = places * of_prompt
    segments = torch.where(of_prompt, 0, -1)
    labels = torch.full_like(input_ids, IGNORED)
    at = (rows[kept], columns[kept])
    led = torch.cat([prompts[:, -1:], completions[:, :-1]], dim=1)
    input_ids[at] = led[kept]
    labels[at] = completions[kept]
    positions[at] = (shared[group][:, None] + torch.arange(width, device=device))[kept]
    segments[at] = segment[:, None].expand_as(columns)[kept]

    queries, keys = segments[:, :, None], segments[:, None, :]
    earlier = torch.ones(size, size, dtype=torch.bool, device=device).tril()
    visible = earlier & ((keys == 0) | (keys == queries))
    columns = columns.clamp(max=size - 1)
    return PackedGroups(input_ids, positions, labels, visible[:, None], rows, columns, kept)


def score_groups(model: Any, packed: PackedGroups) -> tuple[Tensor, Tensor | None]:
    """Log-probabilities and entropies (B, R) of the completions, by a model with TRL's fused head.

    There are no entropies where the head was made without them, as that of a reference model.
    """
    output = model(
        input_ids=packed.input_ids,
        attention_mask=as_attention_mask(packed.visible, model),
        position_ids=packed.position_ids,
        shift_labels=packed.labels,
        fused_lm_head=True,
    )
    entropy = None if output.entropy is None else packed.spread(output.entropy)
    return packed.spread(output.log_probs), entropy


def as_attention_mask(visible: Tensor, model: Any) -> Tensor:
    """`visible` as the model's attention takes it: Boolean for sdpa, added to the scores for eager attention."""
    import torch

    if _config(model)._attn_implementation == "sdpa":
        return visible
    dtype = next(model.parameters()).dtype
    return torch.zeros_like(visible, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)


def why_not_shared(model: Any) -> str | None:
    """Why prompts can't be shared in training `model`; None if they can."""
    config = _config(model)
    attention = config._attn_implementation
    if attention not in ("sdpa", "eager"):
        return f"attention {attention!r} takes no mask of ours; load the model with sdpa"
    kinds = set(getattr(config, "layer_types", None) or _FULL) - set(_FULL)
    if kinds:
        return f"the model has layers of {', '.join(sorted(kinds))}"
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return "the model's attention has a sliding window"
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "num_attention_heads"):
        return "the model is no decoder with attention alone"
    return None


def _config(model: Any) -> Any:
    while hasattr(model, "module"):
        model = model.module
    return model.config.get_text_config()
