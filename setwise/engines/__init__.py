"""Who generates completions: one interface over transformers, vLLM and OpenAI-compatible endpoints."""

from setwise.engines.base import Completion, Engine, Sampling

__all__ = ["Completion", "Engine", "Sampling"]
