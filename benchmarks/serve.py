"""Load figures of the served model: requests per second and latency at 1 and 16 clients. Prints one JSON object.

    OMP_NUM_THREADS=1 taskset -c 2,3 python benchmarks/serve.py

A model of the default size is taught the clinic's layout for a few seconds, made champion and served by `mlflow models
serve` on localhost, on the cores that this script may use. Each client sends one question a request over one connection
and waits for the reply. A reply that is missing or not what the model says alone (greedy) is counted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setwise.ask import Asking
from setwise.domains import get_domain
from setwise.methods import get_method
from setwise.params import DEFAULTS, Params, validate_params
from setwise.policy import build_model
from setwise.serving import Defaults, load_champion, package_model
from setwise.tracking import CHAMPION, get_client, get_experiment, model_name
from setwise.tracking_store import database_address
from setwise.training.tokenizer import build_tokenizer
from setwise.training.warmstart import warm_start

METHOD = "rlcr_multi"
START_SECONDS = 180
JSON = {"Content-Type": "application/json"}


def make_params() -> Params:
    """The default model on a small clinic."""
    content = DEFAULTS | {"methods": [METHOD]}
    content["domain"] = {"name": "clinic", "train_size": 3000, "test_size": 200}
    content["warmstart"] = {"source": "template", "examples": 3000, "epochs": 4, "batch_size": 64}
    return validate_params(content, "params.yaml")


def make_champion(root: Path, params: Params) -> list[str]:
    """Teach a model the layout and make it champion; the questions to ask it."""
    prepared = get_domain("clinic").load(params.domain, params.seed)
    train = list(prepared.splits["train"])
    questions = [example.question for example in prepared.splits["test"]]
    names = [alias for example in train for aliases in example.gold for alias in aliases]
    tokenizer = build_tokenizer([*(e.question for e in train), *names], params.model.vocab_size)
    model = build_model(params.model, tokenizer, params.seed)
    layouts, instruction = [get_method(METHOD).layout(params.k)], get_domain("clinic").instruction
    warm_start(
        model, tokenizer, train, prepared.vocabulary, params.warmstart, layouts, instruction, 0, root / "scratch"
    )
    folder = root / METHOD
    for part in (model, tokenizer):
        part.save_pretrained(folder)
    client = get_client(root)
    run_id = client.create_run(get_experiment(client, "clinic", root)).info.run_id
    asking = Asking.of(params, METHOD, folder)
    packaged = package_model(run_id, folder, asking, Defaults(retry=False), "float32", questions[0])
    name = model_name("clinic")
    client.create_registered_model(name)
    version = client.create_model_version(name, packaged.model_uri, run_id, model_id=packaged.model_id)
    client.set_registered_model_alias(name, CHAMPION, version.version)
    return questions


def serve(root: Path, workers: int) -> tuple[subprocess.Popen[bytes], int]:
    """Start `mlflow models serve`; the process, once it answers, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", f"models:/setwise-clinic@{CHAMPION}"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    uri = database_address(root)
    with (root / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, "MLFLOW_TRACKING_URI": uri, "PATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return server, port
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"the server did not come up:\n{(root / 'serve.log').read_text()[-2000:]}")


def client(port: int, questions: list[str], until: float, first: int) -> list[tuple[str, float, Any]]:
    """Ask one question after another until the time is up: (question, seconds, reply or None) of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    log = []
    n = first
    while time.perf_counter() < until:
        question = questions[n % len(questions)]
        n += 1
        began = time.perf_counter()
        connection.request("POST", "/invocations", json.dumps({"inputs": [question]}), JSON)
        answer = connection.getresponse()
        body = answer.read()
        reply = json.loads(body)["predictions"][0] if answer.status == 200 else None
        log.append((question, time.perf_counter() - began, reply))
    return log


def measure(port: int, questions: list[str], clients: int, seconds: float, alone: dict[str, Any]) -> dict[str, Any]:
    """Figures of one load."""
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        logs = [pool.submit(client, port, questions, began + seconds, 7 * i) for i in range(clients)]
        done = [entry for log in logs for entry in log.result()]
    elapsed = time.perf_counter() - began
    latencies = sorted(1000 * took for _, took, _ in done)
    return {
        "clients": clients,
        "requests": len(done),
        "requests_per_s": round(len(done) / elapsed, 1),
        "p50_ms": round(statistics.median(latencies), 1),
        "p99_ms": round(latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))], 1),
        "lost": sum(reply is None for _, _, reply in done),
        "mixed_up": sum(reply is not None and reply != alone[question] for question, _, reply in done),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server, each with a copy of the model")
    options = parser.parse_args()
    params = make_params()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        questions = make_champion(root, params)
        champion: Any = load_champion("clinic", root)
        alone = {question: champion.predict([question])[0] for question in questions}
        server, port = serve(root, options.workers)
        try:
            client(port, questions, time.perf_counter() + 3, 0)
            loads = [measure(port, questions, clients, options.seconds, alone) for clients in (1, 16)]
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
    valid = sum(1 for reply in alone.values() if reply["valid"])
    tokens = params.evaluate.max_completion_tokens
    print(
        json.dumps(
            {
                "benchmark": "serve",
                "workers": options.workers,
                "cores": len(os.sched_getaffinity(0)),
                "k": params.k,
                "max_completion_tokens": tokens,
                "valid_share": round(valid / len(alone), 3),
                "different_replies": len({json.dumps(reply) for reply in alone.values()}),
                "loads": loads,
            }
        )
    )


if __name__ == "__main__":
    main()
