"""The default engine: `transformers` generation with a model in this process, on CPU or one GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.engines.base import Completion, Sampling
from setwise.engines.draws import Sampler

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TransformersEngine:
    """Generates with a loaded model. Prompts are batched by length, so that little padding is computed."""

    name = "transformers"

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch_size: int = 256) -> None:
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        policy: Any = model
        self.model = policy.to(self.device).eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @classmethod
    def load(
        cls, path: str | Path, batch_size: int = 256, dtype: str = "float32", trust_remote_code: bool = False
    ) -> TransformersEngine:
        """Load the model and tokenizer of `path`; `InputError` where there is none."""
        from setwise.policy import load_policy

        model, tokenizer = load_policy(path, dtype=dtype, trust_remote_code=trust_remote_code)
        return cls(model, tokenizer, batch_size)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        """Yield each prompt's completions in order. One seed gives the same completions for the same prompts."""
        import torch

        torch.manual_seed(sampling.seed)
        per_batch = max(1, self.batch_size // sampling.n)
        block = per_batch * 16
        for start in range(0, len(prompts), block):
            ids = self.tokenizer(list(prompts[start : start + block]), add_special_tokens=False)["input_ids"]
            order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
            done: dict[int, list[Completion]] = {}
            for first in range(0, len(order), per_batch):
                rows = order[first : first + per_batch]
                done.update(zip(rows, self._batch([ids[i] for i in rows], sampling), strict=True))
            yield from (done[i] for i in range(len(ids)))

    def _batch(self, ids: list[list[int]], sampling: Sampling) -> list[list[Completion]]:
        """Generate for one batch of tokenised prompts."""
        drawn = generate_ids(self.model, self.tokenizer, ids, sampling)
        texts = self.tokenizer.batch_decode([tokens for tokens, _ in drawn], skip_special_tokens=True)
        completions = [Completion(text, len(ids), done) for text, (ids, done) in zip(texts, drawn, strict=True)]
        return [completions[i : i + sampling.n] for i in range(0, len(completions), sampling.n)]


_UNBENT: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "min_new_tokens": 0,
    "guidance_scale": 1.0,
}
"""What is not said here a model's own generation_config.json says; its penalties would bend what is asked for."""


def generate_ids(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    sampling: Sampling,
    sampler: Sampler | None = None,
) -> list[tuple[list[int], bool]]:
    """Token ids of `sampling.n` completions for each prompt, prompt by prompt, and whether each one ended.

    The end token is kept, what follows it is cut. A prompt is read once, whatever `sampling.n` is. A `sampler`
    (one row per completion) takes the place of the one that `sampling` says.
    """
    import torch
    from transformers import GenerationConfig

    padded = tokenizer.pad({"input_ids": prompts}, padding=True, padding_side="left", return_tensors="pt")
    inputs: dict[str, Any] = dict(padded.to(model.device))
    end_ids = _end_ids(model, tokenizer)
    own = GenerationConfig(
        **_UNBENT, max_new_tokens=sampling.max_tokens, eos_token_id=end_ids, pad_token_id=tokenizer.pad_token_id
    )
    settings: dict[str, Any] = {"generation_config": own}
    if sampling.temperature > 0:
        settings["logits_processor"] = [sampler or Sampler(sampling.temperature, sampling.top_p)]
    copies = sampling.n if sampling.temperature > 0 else 1
    with torch.inference_mode():
        if copies > 1:
            settings["past_key_values"] = prefill(model, inputs, copies)
            inputs = {name: tensor.repeat_interleave(copies, dim=0) for name, tensor in inputs.items()}
        output: Any = model.generate(**inputs, **settings)  # type: ignore[operator]
    new = output[:, inputs["input_ids"].shape[1] :].cpu()
    is_end = torch.isin(new, torch.tensor(end_ids))
    finished = is_end.any(dim=1)
    lengths = torch.where(finished, is_end.int().argmax(dim=1) + 1, new.shape[1])
    drawn = [(row[:n], done) for row, n, done in zip(new.tolist(), lengths.tolist(), finished.tolist(), strict=True)]
    return drawn if copies == sampling.n else [one for one in drawn for _ in range(sampling.n)]


def prefill(model: PreTrainedModel, inputs: dict[str, Any], copies: int) -> Any:
    """The keys and values of every prompt but its last token, computed once and repeated `copies` times.

    Args:
        inputs: `input_ids` and `attention_mask` of prompts padded on the left.
    """
    mask = inputs["attention_mask"]
    cache = model(
        input_ids=inputs["input_ids"][:, :-1],
        attention_mask=mask[:, :-1],
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0)[:, :-1],
        use_cache=True,
        logits_to_keep=1,
    ).past_key_values
    cache.batch_repeat_interleave(copies)
    return cache


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids that end a completion."""
    ids = model.generation_config.eos_token_id
    if ids is None:
        ids = tokenizer.eos_token_id
    return list(ids) if isinstance(ids, list) else [int(ids)]
