"""Any OpenAI-compatible endpoint as an engine: bounded concurrency, retries, results in the prompts' order.

Prompts go to `/completions` as text, chat template applied here, so that an endpoint is asked exactly what the other
engines are. Every completion is a request of its own with a seed of its own (see `seeds`).
"""

from __future__ import annotations

import json
import logging
import os
import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from setwise.engines.base import Completion, Sampling
from setwise.engines.seeds import first_seed
from setwise.errors import InputError
from setwise.redact import redact
from setwise.scale_params import EndpointParams

if TYPE_CHECKING:
    import httpx
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger("setwise.engines")

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_AHEAD = 4
"""Requests started or finished ahead of the one waited for, in multiples of the concurrency."""


class OpenAIEngine:
    """Asks an endpoint.

    Args:
        endpoint: where and how (see `EndpointParams`).
        folder: the folder of the weights that the endpoint serves; names the model where `endpoint` has placeholders.
        tokenizer: of these weights.
        end_ids: the token ids that end a completion.
    """

    name = "openai"

    def __init__(
        self, endpoint: EndpointParams, folder: Path, tokenizer: PreTrainedTokenizerBase, end_ids: Sequence[int]
    ) -> None:
        self.endpoint = endpoint
        self.url = endpoint.url.replace("{name}", folder.name).rstrip("/")
        self.model = endpoint.model.replace("{name}", folder.name).replace("{path}", str(folder.resolve()))
        self.device = self.url
        self.tokenizer = tokenizer
        self.end_ids = list(end_ids)
        self._key = _key(endpoint)

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[list[Completion]]:
        """Yield each prompt's completions in order.

        Raises:
            InputError: the endpoint can't be reached, refuses the request or answers with something else.
        """
        import httpx

        copies = sampling.n if sampling.temperature > 0 else 1
        firsts = ((prompt, first_seed(sampling.seed, i, copies)) for i, prompt in enumerate(prompts))
        jobs = ((prompt, first + j) for prompt, first in firsts for j in range(copies))
        limits = httpx.Limits(max_connections=self.endpoint.concurrency)
        stop = Event()
        pool = ThreadPoolExecutor(self.endpoint.concurrency, thread_name_prefix="endpoint")
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(headers=headers, timeout=self.endpoint.timeout_s, limits=limits) as client:
            waiting: deque[Future[Completion]] = deque()
            try:
                drawn: list[Completion] = []
                for prompt, seed in jobs:
                    waiting.append(pool.submit(self._ask, client, prompt, sampling, seed, stop))
                    if len(waiting) >= self.endpoint.concurrency * _AHEAD:
                        drawn.append(waiting.popleft().result())
                    if len(drawn) == copies:
                        yield drawn * (sampling.n // copies)
                        drawn = []
                while waiting:
                    drawn.append(waiting.popleft().result())
                    if len(drawn) == copies:
                        yield drawn * (sampling.n // copies)
                        drawn = []
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _ask(self, client: httpx.Client, prompt: str, sampling: Sampling, seed: int, stop: Event) -> Completion:
        """One completion, tried again where the endpoint is busy or the connection drops, until `stop` is set."""
        body = self._body(prompt, sampling, seed)
        wait = _FIRST_WAIT_S
        for attempt in range(self.endpoint.retries + 1):
            problem, asked_wait = self._try(client, body)
            if isinstance(problem, Completion):
                return problem
            if attempt == self.endpoint.retries:
                break
            log.info("%s: %s; trying again", self.url, problem)
            if stop.wait(asked_wait if asked_wait is not None else wait * random.uniform(0.5, 1.0)):
                break
            wait = min(2 * wait, _LONGEST_WAIT_S)
        raise InputError(
            f"{self.url}: {problem}, {attempt + 1} times; see to the endpoint, then run again: what is finished is kept"
        )

    def _try(self, client: httpx.Client, body: dict[str, Any]) -> tuple[Completion | str, float | None]:
        """The completion, or what went wrong that may pass, and how many seconds the endpoint asks to wait."""
        import httpx

        try:
            response = client.post(f"{self.url}/completions", json=body)
        except (httpx.TransportError, httpx.StreamError) as error:
            return f"{type(error).__name__} {error}".strip(), None
        if response.status_code in (408, 429) or response.status_code >= 500:
            return f"status {response.status_code} {self._shown(response)}".strip(), _retry_after(response)
        if response.status_code != 200:
            raise InputError(
                f"{self.url}: refuses the request for model {self.model!r} with status {response.status_code} "
                f"({self._shown(response)}); check evaluate.endpoint: url, model, dialect and key_variable"
            )
        return self._read(response, body["max_tokens"]), None

    def _body(self, prompt: str, sampling: Sampling, seed: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "prompt": prompt,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
        if self.endpoint.dialect == "vllm":
            body |= {"top_k": 0, "add_special_tokens": False}
        elif self.endpoint.dialect == "transformers":
            body["generation_config"] = json.dumps(self._generation_config(sampling))
        return body

    def _generation_config(self, sampling: Sampling) -> dict[str, Any]:
        """All of it, since it takes the place of the model's own."""
        config: dict[str, Any] = {
            "eos_token_id": self.end_ids,
            "pad_token_id": self.tokenizer.pad_token_id,
            "do_sample": sampling.temperature > 0,
            "max_new_tokens": sampling.max_tokens,
        }
        return config | ({"top_k": 0} if sampling.temperature > 0 else {})

    def _read(self, response: httpx.Response, max_tokens: int) -> Completion:
        try:
            answer = response.json()
            choice = answer["choices"][0]
            text, reason = str(choice["text"]), choice["finish_reason"]
            usage = answer.get("usage") or {}
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.url}: answers with no completion ({self._shown(response)}); "
                "evaluate.endpoint.url must lead to an OpenAI-compatible endpoint"
            ) from error
        tokens = usage.get("completion_tokens")
        if tokens is None:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            tokens = min(len(ids) + (reason == "stop"), max_tokens)
        return Completion(text, int(tokens), reason == "stop")

    def _shown(self, response: httpx.Response) -> str:
        """The beginning of a response; some endpoints repeat the key that they refuse."""
        return redact(" ".join(response.text.split()), self._key or "")[:200]


def _key(endpoint: EndpointParams) -> str | None:
    """The API key, where one is to be sent."""
    if endpoint.key_variable is None:
        return None
    key = os.environ.get(endpoint.key_variable)
    if not key:
        raise InputError(
            f"evaluate.endpoint.key_variable: {endpoint.key_variable} is unset; export it with the API key"
        )
    return key


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return min(max(0.0, float(response.headers["retry-after"])), _LONGEST_WAIT_S)
    except (KeyError, ValueError):
        return None
