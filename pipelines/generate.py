"""Stage `generate@<method>`: have the models answer the test questions by every protocol, and keep what they said."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.finished import discard_recorded, keep_until_recorded
from pipelines.paths import CHECKPOINTS, GENERATING, completions_folder, model_folder, questions_path, read_json
from pipelines.stage import alone_in, log, revision, run_method_stage, whole_folder, write_whole
from setwise.digests import weights_digest
from setwise.engines.base import Sampling
from setwise.errors import InputError
from setwise.evaluation import COST, Protocol, Store, StoreKey, generate, get_protocol, text_digest
from setwise.methods import Method, get_method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.redact import redact


@dataclass(frozen=True)
class Task:
    """One protocol to ask by and the model folder that is asked."""

    protocol: Protocol
    model: str

    @property
    def name(self) -> str:
        """The file name of its completions."""
        return self.protocol.name if self.protocol.generations == 1 or self.protocol.union else "curve"


def tasks_of(method: Method, params: Params) -> list[Task]:
    """What is generated for a method: one generation, the curve to many answers, and its baselines."""
    most = params.evaluate.answers
    tasks = [Task(get_protocol("one", method, params.k), method.name)]
    if method.multi:
        tasks.append(Task(get_protocol("one", method, params.k, generations=max(2, -(-most // params.k))), method.name))
    else:
        tasks.append(Task(get_protocol(f"sample-{most}", method, params.k), method.name))
        tasks.append(Task(get_protocol(f"sample-{params.k}", method, params.k), method.name))
        tasks.append(Task(get_protocol("prompted", method, params.k), method.name))
    tasks.append(Task(get_protocol("warmstart", method, params.k), "warmstart"))
    tasks.append(Task(get_protocol("base", method, params.k), "base"))
    return tasks


def generate_all(params: Params, method_name: str) -> None:
    """Write `reports/completions/<method>/`: `<protocol>.parquet`, and `cost.json`, which says what they took.

    That is the seconds of this run (after an interruption, of what was left to do), the device, the revision of the
    code.
    """
    import torch

    torch.set_num_threads(params.threads)
    cache = GENERATING / method_name
    with alone_in(cache, "generates"):
        discard_recorded(CHECKPOINTS / method_name, cache)
        _generate_in(cache, params, get_method(method_name))
        keep_until_recorded(cache)


def _generate_in(cache: Path, params: Params, method: Method) -> None:
    """Generate in the working folder `cache`, hand over whole."""
    asked = read_json(questions_path(params))
    begun, device, made = time.monotonic(), "", []
    for task in tasks_of(method, params):
        started = time.monotonic()
        path, device = _generate(task, params, method, asked["questions"], asked["instruction"], cache)
        made.append(path)
        log.info("%s %s: answered (%.0f s)", method.name, task.name, time.monotonic() - started)
    with whole_folder(completions_folder(method.name)) as folder:
        for path in made:
            shutil.copyfile(path, folder / path.name)
        seconds = round(time.monotonic() - begun, 1)
        cost = {"seconds": seconds, "device": redact(device), "revision": revision()}
        write_whole(folder / COST, json.dumps(cost, indent=1))


def _generate(
    task: Task, params: Params, method: Method, questions: list[str], instruction: str, cache: Path
) -> tuple[Path, str]:
    """The completions of one task and the device; what an interrupted run left is used where its key fits."""
    from setwise.engines.pick import pick_engine

    weights = model_folder(task.model)
    if not weights.is_dir():
        raise InputError(f"{weights}: no model; run `dvc repro` for the stage that makes it")
    engine = pick_engine(params, weights)
    prompts = [build_prompt(question, task.protocol.layout, engine.tokenizer, instruction) for question in questions]
    sampling = Sampling(
        temperature=params.evaluate.temperature,
        max_tokens=params.evaluate.max_completion_tokens,
        n=task.protocol.generations,
        seed=params.seed,
    )
    key = StoreKey(
        weights=weights_digest(weights),
        questions=text_digest(questions),
        prompts=text_digest(prompts),
        method=method.name,
        protocol=task.protocol,
        sampling=sampling,
    )
    path = cache / f"{task.name}.parquet"
    if path.exists() and not _fits(path, key):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    generate(engine, questions, prompts, key, path, part_rows=params.evaluate.batch_size * 4)
    return path, engine.device


def _fits(path: Path, key: StoreKey) -> bool:
    """Whether a finished file is of this very task."""
    try:
        Store(path).check_key(key)
    except InputError as error:
        log.info("%s; generating again", error)
        return False
    return True


if __name__ == "__main__":
    run_method_stage("generate", generate_all)
