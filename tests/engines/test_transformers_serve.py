"""The endpoint engine end to end against a real `transformers serve`, killed half-way through an evaluation."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tiny_policy import QUESTIONS, make_policy

from setwise.answers import Layout
from setwise.digests import weights_digest
from setwise.engines import Sampling
from setwise.engines.openai import OpenAIEngine
from setwise.engines.transformers import TransformersEngine
from setwise.errors import InputError
from setwise.evaluation import Protocol, StoreKey, generate, text_digest
from setwise.policy import end_token_ids, load_tokenizer
from setwise.scale_params import EndpointParams

START_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("models") / "warmstart", chat=True)


@contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen]:
    """`transformers serve` on localhost, up."""
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command + options, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not _is_up(port):
            assert process.poll() is None and time.monotonic() < deadline, "transformers serve did not come up"
            time.sleep(0.2)
        yield process
    finally:
        process.kill()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def endpoint_engine(folder: Path, port: int, **settings) -> OpenAIEngine:
    endpoint = EndpointParams(url=f"http://127.0.0.1:{port}/v1", dialect="transformers", concurrency=4, **settings)
    tokenizer = load_tokenizer(folder)
    return OpenAIEngine(endpoint, folder, tokenizer, end_token_ids(folder, tokenizer))


@pytest.mark.operations
def test_an_evaluation_over_an_endpoint_equals_one_in_process_though_the_endpoint_was_killed(folder, tmp_path):
    greedy = Sampling(temperature=0, max_tokens=12)
    protocol = Protocol("one", Layout(1))
    asked = text_digest(QUESTIONS)
    key = StoreKey(weights_digest(folder), asked, asked, "rlvr_single", protocol, greedy)
    port = free_port()
    path = tmp_path / "endpoint.parquet"
    with serving(folder, port) as server:
        engine = endpoint_engine(folder, port, retries=0)
        answered = engine.generate

        def killed_after_the_first_part(prompts, sampling):
            if QUESTIONS[0] not in prompts:
                server.kill()
                server.wait()
            return answered(prompts, sampling)

        engine.generate = killed_after_the_first_part
        with pytest.raises(InputError, match="run again"):
            generate(engine, QUESTIONS, QUESTIONS, key, path, part_rows=16)
        assert not path.exists()
    with serving(folder, port):
        asked = []
        engine = endpoint_engine(folder, port)
        answered = engine.generate

        def noted(prompts, sampling):
            asked.extend(prompts)
            return answered(prompts, sampling)

        engine.generate = noted
        over_endpoint = generate(engine, QUESTIONS, QUESTIONS, key, path, part_rows=16)
        sampled = list(endpoint_engine(folder, port).generate(QUESTIONS[:4], Sampling(1.0, max_tokens=12, n=3)))
    assert asked == QUESTIONS[16:]
    assert all(len({c.text for c in group}) > 1 for group in sampled)
    in_process = generate(
        TransformersEngine.load(folder), QUESTIONS, QUESTIONS, key, tmp_path / "process.parquet", part_rows=16
    )
    columns = ["question_id", "text", "n_tokens", "finished"]
    rows = [[t.select(columns).to_pylist() for t in store.groups()] for store in (over_endpoint, in_process)]
    assert rows[0] == rows[1]
