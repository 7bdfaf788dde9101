"""No two completions of an evaluation sample from one stream: neither within a protocol nor between protocols.

vLLM is stood in for by what its rule for seeds is (`ParentRequest`: child j of a request has the seed `seed + j`).
"""

import sys
from collections import Counter
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setwise.answers import Layout
from setwise.domains import Example
from setwise.engines import Completion, Sampling
from setwise.engines.openai import OpenAIEngine
from setwise.engines.seeds import first_seed
from setwise.engines.vllm import VllmEngine
from setwise.evaluation import Protocol, StoreKey, generate, text_digest
from setwise.scale_params import EndpointParams

LONG = 2**63
TOKENIZER = SimpleNamespace(pad_token_id=0)
EXAMPLES = [Example("clinic", f"question {i}", (("a",),), "exact", True, {"row": i}) for i in range(700)]
PROTOCOLS = (
    Protocol("one", Layout(k=3, confidences=True)),
    Protocol("one", Layout(k=3, confidences=True), generations=10),
    Protocol("sample-3", Layout(k=1, confidences=True), generations=3, union=True),
    Protocol("sample-30", Layout(k=1, confidences=True), generations=30, union=True),
)


@dataclass
class SamplingParams:
    """The fields that the engine sets."""

    n: int
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    seed: int


class Server:
    """vLLM's `LLM`, as far as seeds go: remembers the stream of every completion."""

    def __init__(self) -> None:
        self.streams: list[int] = []

    def generate(self, prompts, settings, use_tqdm):
        for one in settings:
            self.streams += [one.seed + child for child in range(one.n)]
            outputs = [SimpleNamespace(text="", token_ids=[0], finish_reason="stop")] * one.n
            yield SimpleNamespace(outputs=outputs)


class Asked(OpenAIEngine):
    """An endpoint's engine that remembers what it would have asked; a request has one completion, child 0."""

    def __init__(self) -> None:
        self.streams: list[int] = []
        self.endpoint = EndpointParams(url="http://127.0.0.1:9", concurrency=1)
        self._key = None
        self.url, self.model, self.tokenizer, self.end_ids = self.endpoint.url, "m", TOKENIZER, [0]

    def _ask(self, client, prompt, sampling, seed, stop):
        body = self._body(prompt, sampling, seed)
        assert body.get("n", 1) == 1
        self.streams.append(body["seed"])
        return Completion("", 1, True)


@pytest.fixture
def vllm(monkeypatch):
    module = ModuleType("vllm")
    module.SamplingParams = SamplingParams
    monkeypatch.setitem(sys.modules, "vllm", module)


def vllm_engine() -> tuple[VllmEngine, Server]:
    server = Server()
    return VllmEngine(server, lambda block, add_special_tokens: {"input_ids": [[0]] * len(block)}), server


def evaluate(engine, path, protocols, part_rows=512):
    """Every protocol with one seed, as the stage does."""
    prompts = [example.question for example in EXAMPLES]
    for protocol in protocols:
        sampling = Sampling(n=protocol.generations, seed=0)
        asked = text_digest(prompts)
        key = StoreKey("w" * 64, asked, asked, "rlcr_multi", protocol, sampling)
        generate(engine, prompts, prompts, key, path / f"{protocol.name}-{protocol.generations}.parquet", part_rows)


def assert_apart(streams, questions, samples):
    assert len(streams) == questions * samples
    assert max(Counter(streams).values()) == 1
    assert all(-LONG <= stream < LONG for stream in streams), "vLLM and the endpoints take int64"
    low = Counter(stream % 2**32 for stream in streams)
    assert max(low.values()) == 1, "torch's generator on the CPU reads 32 bits of a seed"


@pytest.mark.usefixtures("vllm")
@pytest.mark.parametrize(("questions", "n"), [(5000, 1), (5000, 3), (4500, 30)])
def test_children_of_different_requests_never_share_a_stream(questions, n):
    engine, server = vllm_engine()
    list(engine.generate(["?"] * questions, Sampling(n=n, seed=0)))
    assert_apart(server.streams, questions, n)


@pytest.mark.usefixtures("vllm")
@pytest.mark.parametrize("kind", ["vllm", "endpoint"])
def test_no_two_completions_of_an_evaluation_share_a_stream_whatever_the_protocol(kind, tmp_path):
    engine, streams_of = vllm_engine() if kind == "vllm" else (Asked(),) * 2
    evaluate(engine, tmp_path, PROTOCOLS)
    assert_apart(streams_of.streams, len(EXAMPLES), sum(protocol.generations for protocol in PROTOCOLS))


@pytest.mark.usefixtures("vllm")
def test_neighbouring_seeds_of_the_params_share_no_stream():
    engine, server = vllm_engine()
    for seed in range(8):
        list(engine.generate(["?"] * 200, Sampling(n=30, seed=seed)))
    assert_apart(server.streams, 8 * 200, 30)


def test_parts_and_protocols_seed_engines_that_read_one_seed_for_all_apart(tmp_path):
    class Recorder:
        name, device, seeds = "recorder", "cpu", []

        def generate(self, prompts, sampling):
            self.seeds.append(sampling.seed)
            return iter([[Completion("", 1, True)] * sampling.n for _ in prompts])

    engine = Recorder()
    evaluate(engine, tmp_path, PROTOCOLS)
    assert len(engine.seeds) > 40
    assert max(Counter(seed % 2**32 for seed in engine.seeds).values()) == 1


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**7), st.integers(1, 128))
def test_every_seed_and_its_children_fit_a_signed_64_bit_number(seed, prompt, n):
    first = first_seed(seed, prompt, n)
    assert 0 <= first <= first + n - 1 < LONG
    assert first_seed(seed, prompt + 1, n) == first + n
