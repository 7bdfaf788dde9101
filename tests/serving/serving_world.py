"""A workspace whose champion is a small model that has really learnt to answer, and a served copy of it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from setwise.digests import file_digest, weights_digest
from setwise.domains import Example, get_domain
from setwise.domains.parquet import write_examples
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.evaluation import StoreKey, generate, get_protocol, judge, summarise, text_digest
from setwise.methods import get_method
from setwise.params import Params, validate_params
from setwise.policy import build_model
from setwise.prompts import build_prompt
from setwise.registry import Candidate, hold_gate, promote, register_challenger
from setwise.tracking import get_client, model_name
from setwise.training.tokenizer import build_tokenizer
from setwise.training.warmstart import warm_start

METHOD = "rlcr_multi"
START_SECONDS = 180
PARAMS: dict[str, Any] = {
    "seed": 0,
    "k": 2,
    "methods": [METHOD],
    "threads": 1,
    "domain": {"name": "clinic", "families": 2, "train_size": 1500, "test_size": 60},
    "model": {"hidden_size": 32, "intermediate_size": 64, "layers": 2, "heads": 2, "vocab_size": 500},
    "warmstart": {"source": "template", "examples": 1500, "epochs": 5, "batch_size": 32, "learning_rate": 0.01},
    "evaluate": {"max_completion_tokens": 32, "resamples": 100},
    **{section: {} for section in ("reward", "train", "scale", "registry")},
}


def make_champion(root: Path) -> tuple[Params, list[Example]]:
    """Train, evaluate, register and promote in `root`; the params and the test questions."""
    params = validate_params(PARAMS, "params.yaml")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    prepared = get_domain("clinic").load(params.domain, params.seed)
    data = root / "data" / "clinic"
    data.mkdir(parents=True)
    for split, examples in prepared.splits.items():
        write_examples(data / f"{split}.parquet", examples)
    train, test = list(prepared.splits["train"]), list(prepared.splits["test"])
    folder = _train(root, params, train, prepared.vocabulary)
    store = _evaluate(root, params, folder, test)
    report = summarise(store, test, n_resamples=params.evaluate.resamples)
    digests = {split: file_digest(data / f"{split}.parquet") for split in ("train", "test")}
    candidate = Candidate(params, METHOD, folder, store, report, digests, test[0].question)
    version = register_challenger(candidate, root)
    decision = hold_gate(params, version, store, test, root)
    promote(get_client(root), model_name("clinic"), decision)
    return params, test


def _train(root: Path, params: Params, train: list[Example], vocabulary: Any) -> Path:
    names = [alias for example in train for aliases in example.gold for alias in aliases]
    tokenizer = build_tokenizer([*(e.question for e in train), *names], params.model.vocab_size)
    model = build_model(params.model, tokenizer, params.seed)
    layouts, instruction = [get_method(METHOD).layout(params.k)], get_domain("clinic").instruction
    warm_start(model, tokenizer, train, vocabulary, params.warmstart, layouts, instruction, 0, root / "scratch")
    for part in (model, tokenizer):
        part.save_pretrained(root / "models" / METHOD)
    return root / "models" / METHOD


def _evaluate(root: Path, params: Params, folder: Path, test: list[Example]) -> Path:
    engine = TransformersEngine.load(folder)
    protocol = get_protocol("one", get_method(METHOD), params.k)
    questions = [example.question for example in test]
    prompts = [build_prompt(question, protocol.layout, engine.tokenizer) for question in questions]
    key = StoreKey(
        weights=weights_digest(folder),
        questions=text_digest(questions),
        prompts=text_digest(prompts),
        method=METHOD,
        protocol=protocol,
        sampling=Sampling(max_tokens=params.evaluate.max_completion_tokens),
    )
    return judge(generate(engine, questions, prompts, key, root / "said.parquet").path, test, root / "one.parquet")


@contextlib.contextmanager
def served(root: Path, folder: Path) -> Iterator[str]:
    """`mlflow models serve` of the champion, started in an empty folder; its address on localhost."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", "models:/setwise-clinic@champion"]
    command += ["--env-manager", "local", "--port", str(port)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlruns' / 'mlflow.db'}"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for name in ("PYTHONPATH", "MLFLOW_HOST"):
        environment.pop(name, None)
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(server, url, folder / "serve.log")
            yield url
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.3)


def post(url: str, payload: Any) -> tuple[int, Any]:
    """What the server says to a payload: the status and the JSON."""
    body = json.dumps(payload).encode()
    request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
