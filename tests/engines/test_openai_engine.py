"""The endpoint engine against a server that misbehaves in the ways real ones do."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tiny_policy import make_policy

from setwise.engines import Sampling
from setwise.engines.openai import OpenAIEngine
from setwise.errors import InputError
from setwise.policy import end_token_ids, load_tokenizer
from setwise.scale_params import EndpointParams

PROMPTS = [f"prompt {i}" for i in range(40)]


class Endpoint(ThreadingHTTPServer):
    """Echoes prompt and seed; `faults` are used up one a request before it behaves."""

    daemon_threads = True

    def __init__(self, faults: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.faults = faults
        self.bodies: list[dict] = []
        self.keys: list[str | None] = []
        self.busy = 0
        self.most_busy = 0
        self.lock = threading.Lock()

    def handle_error(self, request, client_address) -> None:
        """A dropped connection is part of the test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answering(BaseHTTPRequestHandler):
    server: Endpoint

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.busy += 1
            self.server.most_busy = max(self.server.most_busy, self.server.busy)
            fault = self.server.faults.pop(0) if self.server.faults else ""
            if not fault:
                self.server.bodies.append(body)
                self.server.keys.append(self.headers["authorization"])
        threading.Event().wait(0.002 * (hash(body["prompt"]) % 5))
        with self.server.lock:
            self.server.busy -= 1
        if fault == "drop":
            self.connection.close()
            return
        status, answer = int(fault or 200), {"error": f"no: {self.headers['authorization']}"}
        if not fault:
            text = f"{body['prompt']} seed {body['seed']}"
            choice = {"index": 0, "text": text, "finish_reason": "length" if body["max_tokens"] == 1 else "stop"}
            answer = {"choices": [choice], "usage": {"completion_tokens": 7}}
        payload = json.dumps(answer).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "0")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


@contextmanager
def serving(*faults: str) -> Iterator[Endpoint]:
    server = Endpoint(list(faults))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("models") / "rlcr_multi")


def ask(folder, url: str, sampling: Sampling, **settings):
    tokenizer = load_tokenizer(folder)
    endpoint = EndpointParams(url=url, **settings)
    return OpenAIEngine(endpoint, folder, tokenizer, end_token_ids(folder, tokenizer)).generate(PROMPTS, sampling)


def test_completions_come_in_the_prompts_order_however_the_requests_finish(folder):
    with serving() as server:
        drawn = list(ask(folder, server.url, Sampling(n=3), concurrency=8))
    assert [{re.sub(" seed.*", "", c.text) for c in group} for group in drawn] == [{prompt} for prompt in PROMPTS]
    assert all(len({c.text for c in group}) == 3 for group in drawn)


def test_the_same_seed_asks_the_same_and_another_seed_does_not(folder):
    with serving() as server:
        first, again, other = (list(ask(folder, server.url, Sampling(n=2, seed=s))) for s in (1, 1, 2))
    assert first == again != other


def test_no_more_requests_are_in_flight_than_allowed(folder):
    with serving() as server:
        list(ask(folder, server.url, Sampling(n=4), concurrency=3))
    assert 1 < server.most_busy <= 3


def test_busy_failing_and_dropping_endpoints_are_tried_again_without_losing_a_completion(folder):
    with serving("429", "503", "drop", "500", "drop", "429") as server:
        drawn = list(ask(folder, server.url, Sampling(n=2), concurrency=4))
    assert [group[0].text.split(" seed")[0] for group in drawn] == PROMPTS
    assert Counter(body["prompt"] for body in server.bodies) == Counter(dict.fromkeys(PROMPTS, 2))


def test_an_endpoint_that_stays_down_ends_in_one_line_that_says_how_to_go_on(folder):
    with serving(*["503"] * 100) as server, pytest.raises(InputError, match=r"503.*2 times.*run again") as caught:
        list(ask(folder, server.url, Sampling(), retries=1, concurrency=2))
    assert "\n" not in str(caught.value)


def test_what_was_answered_before_the_endpoint_went_down_has_been_given_out(folder):
    with serving() as server:
        engine = ask(folder, server.url, Sampling(), retries=0, concurrency=1)
        got = [next(engine) for _ in range(5)]
        server.faults = ["drop"] * 100
        with pytest.raises(InputError):
            got += list(engine)
    assert [group[0].text.split(" seed")[0] for group in got] == PROMPTS[: len(got)]
    assert len(got) >= 5


def test_a_refused_request_is_not_tried_again_and_names_the_model(folder):
    with serving(*["404"] * 50) as server, pytest.raises(InputError, match=r"'rlcr_multi'.*404.*evaluate\.endpoint"):
        list(ask(folder, server.url, Sampling(), model="{name}", concurrency=1))
    assert len(server.faults) > 40


def test_greedy_asks_once_and_counts_for_every_copy(folder):
    with serving() as server:
        drawn = list(ask(folder, server.url, Sampling(temperature=0, n=3)))
    assert len(server.bodies) == len(PROMPTS)
    assert all(group == [group[0]] * 3 for group in drawn)


def test_a_completion_cut_at_the_limit_is_marked_unfinished(folder):
    with serving() as server:
        drawn = list(ask(folder, server.url, Sampling(max_tokens=1)))
    assert not any(group[0].finished for group in drawn)


def test_the_api_key_is_taken_from_the_environment_variable_named_in_the_params(folder, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "sesame")
    with serving() as server:
        list(ask(folder, server.url, Sampling(), key_variable="SOME_KEY"))
    assert set(server.keys) == {"Bearer sesame"}
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(InputError, match="SOME_KEY is unset"):
        ask(folder, server.url, Sampling(), key_variable="SOME_KEY")


@pytest.mark.parametrize("status", ["401", "503"])
def test_an_endpoint_that_repeats_the_key_it_refuses_does_not_bring_it_into_the_message(
    folder, monkeypatch, caplog, status
):
    monkeypatch.setenv("SOME_WORD", "sesame")
    with serving(*[status] * 20) as server, caplog.at_level("INFO"), pytest.raises(InputError) as caught:
        list(ask(folder, server.url, Sampling(), key_variable="SOME_WORD", retries=1, concurrency=1))
    assert "no: Bearer ***" in str(caught.value)
    assert "sesame" not in str(caught.value) + caplog.text


def test_only_the_vllm_dialect_sends_fields_that_vllm_adds(folder):
    with serving() as server:
        for dialect in ("vllm", "openai"):
            list(ask(folder, server.url, Sampling(), dialect=dialect))
    with_extras, without = server.bodies[0], server.bodies[-1]
    assert with_extras["top_k"] == 0 and with_extras["add_special_tokens"] is False
    assert set(without) == {"model", "prompt", "max_tokens", "temperature", "top_p", "seed"}
