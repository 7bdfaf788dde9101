"""vLLM in this process as an engine: an extra, for a machine with a GPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.engines.base import Completion, Sampling
from setwise.engines.seeds import first_seed
from setwise.errors import InputError
from setwise.params import ModelParams
from setwise.scale_params import EngineVllmParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BLOCK = 2048
"""Prompts handed to vLLM at once; it batches them itself."""


def is_vllm_installed() -> bool:
    """Whether the package is there; it is not imported."""
    return importlib.util.find_spec("vllm") is not None


class VllmEngine:
    """Generates with vLLM's own scheduler and sampler. Made by `load`."""

    name = "vllm"
    device = "cuda"

    def __init__(self, llm: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.llm = llm
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, model: ModelParams, settings: EngineVllmParams, seed: int) -> VllmEngine:
        """Load the weights of `folder`; `InputError` where vLLM is not installed."""
        if not is_vllm_installed():
            raise InputError("evaluate.engine: vLLM is not installed; pip install 'setwise[vllm]', or use transformers")
        from vllm import LLM

        from setwise.policy import load_tokenizer

        tokenizer = load_tokenizer(folder, trust_remote_code=model.trust_remote_code)
        llm = LLM(
            model=str(folder),
            dtype=model.dtype,
            seed=seed,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            tensor_parallel_size=settings.tensor_parallel_size,
            max_model_len=settings.max_model_length,
            trust_remote_code=model.trust_remote_code,
            load_format="safetensors" if model.safetensors_only else "auto",
        )
        return cls(llm, tokenizer)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        """Yield each prompt's completions in order; each completion samples from a stream of its own (see `seeds`)."""
        from vllm import SamplingParams

        greedy = sampling.temperature == 0
        for start in range(0, len(prompts), _BLOCK):
            block = list(prompts[start : start + _BLOCK])
            ids = self.tokenizer(block, add_special_tokens=False)["input_ids"]
            settings = [
                SamplingParams(
                    n=1 if greedy else sampling.n,
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    top_k=0,
                    max_tokens=sampling.max_tokens,
                    seed=first_seed(sampling.seed, start + i, sampling.n),
                )
                for i in range(len(block))
            ]
            outputs = self.llm.generate([{"prompt_token_ids": one} for one in ids], settings, use_tqdm=False)
            for output in outputs:
                drawn = [Completion(o.text, len(o.token_ids), o.finish_reason == "stop") for o in output.outputs]
                yield drawn * sampling.n if greedy else drawn
