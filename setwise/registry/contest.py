"""Challenger against champion on the same questions, both judged now: what the champion never answered, it answers.

Verdicts that are stored with completions are those of the code that made them, so they are not read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.ask import Asking
from setwise.domains import Example
from setwise.engines import Sampling
from setwise.errors import InputError
from setwise.evaluation import (
    MetricsReport,
    Store,
    StoreKey,
    generate,
    get_protocol,
    judge,
    summarise,
    text_digest,
)
from setwise.evaluation.compare import Row, compare_tallies
from setwise.evaluation.report import figures
from setwise.evaluation.tally import tally
from setwise.methods import get_method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.registry.gate import Decision, Sides, decide
from setwise.registry.versions import barred, get_aliased, keep_store, kept_store, note_decision
from setwise.serving.package import WEIGHTS
from setwise.tracking import CHAMPION, get_client, model_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def hold_gate(
    params: Params, challenger: ModelVersion, store: Path, examples: Sequence[Example], workspace: Path = Path()
) -> Decision:
    """Decide whether the challenger may become champion, and store the decision on its version.

    Args:
        params: the gate's settings, the engine that answers for the champion, the bootstrap's.
        challenger: its version.
        store: its generations for `examples`.
        examples: the questions of the test split.
        workspace: whose tracking store is used.
    """
    client, name = get_client(workspace), model_name(params.domain.name)
    champion = get_aliased(client, name, CHAMPION)
    key = Store(store).key
    rival = None if champion is None or champion.version == challenger.version else champion
    sides = Sides(
        str(challenger.version), None if champion is None else str(champion.version), key.questions, len(examples)
    )
    rows: list[Row] = []
    why_not = barred(challenger)
    if champion is not None and rival is None:
        why_not = "is the champion already"
    elif rival is not None and why_not is None:
        with tempfile.TemporaryDirectory() as scratch:
            answered = champion_answers(client, rival, params, key, examples, Path(scratch))
            champions = judge(answered, examples, Path(scratch) / "champion-judged.parquet")
            challengers = judge(store, examples, Path(scratch) / "challenger-judged.parquet")
            rows = paired_rows(champions, challengers, examples, params)
    decision = decide(sides, rows, params.registry, why_not)
    note_decision(client, name, decision)
    return decision


def champion_answers(
    client: MlflowClient,
    champion: ModelVersion,
    params: Params,
    key: StoreKey,
    examples: Sequence[Example],
    scratch: Path,
) -> Path:
    """The champion's generations for `examples`, sampled as `key` says: kept ones, else made now and kept."""
    kept = kept_store(client, champion, key, scratch)
    if kept is not None:
        return kept
    store = answer_anew(champion, params, key, examples, scratch)
    keep_store(client, champion, store)
    return store


def answer_anew(
    champion: ModelVersion, params: Params, key: StoreKey, examples: Sequence[Example], scratch: Path
) -> Path:
    """Have a registered model answer `examples` once each, as it is served, but sampled as `key` says."""
    import mlflow
    from mlflow.models import Model

    from setwise.engines.pick import pick_engine

    folder = Path(mlflow.artifacts.download_artifacts(champion.source, dst_path=str(scratch / "champion")))
    flavor: dict[str, Any] = Model.load(str(folder)).flavors["python_function"]
    config = flavor["config"]
    asking = Asking(**config["asking"])
    engine = pick_engine(_without_endpoint(params), folder / flavor["artifacts"][WEIGHTS]["path"])
    protocol = get_protocol("one", get_method(asking.method), asking.k)
    questions = [example.question for example in examples]
    prompts = [build_prompt(question, asking.layout, engine.tokenizer, asking.instruction) for question in questions]
    own = replace(key, weights=config["weights"], prompts=text_digest(prompts), method=asking.method, protocol=protocol)
    path = scratch / "answers.parquet"
    generate(engine, questions, prompts, own, path, part_rows=params.evaluate.batch_size * 4)
    return path


def ask_again(
    params: Params, examples: Sequence[Example], workspace: Path = Path()
) -> tuple[ModelVersion, MetricsReport]:
    """The champion and its metrics on `examples`, answered now, or before by the same settings.

    Raises:
        InputError: there is no champion.
    """
    client, name = get_client(workspace), model_name(params.domain.name)
    champion = get_aliased(client, name, CHAMPION)
    if champion is None:
        raise InputError(f"{name}: no champion; run `python -m flows.promote`")
    method = get_method(champion.tags["setwise.method"])
    key = StoreKey(
        weights=champion.tags["setwise.weights"],
        questions=text_digest([example.question for example in examples]),
        prompts="",
        method=method.name,
        protocol=get_protocol("one", method, int(champion.tags["setwise.k"])),
        sampling=Sampling(
            temperature=params.evaluate.temperature,
            max_tokens=params.evaluate.max_completion_tokens,
            seed=params.seed,
        ),
    )
    with tempfile.TemporaryDirectory() as scratch:
        answered = champion_answers(client, champion, params, key, examples, Path(scratch))
        verdicts = judge(answered, examples, Path(scratch) / "judged.parquet")
        return champion, summarise(verdicts, examples, params.evaluate.resamples, params.seed)


def _without_endpoint(params: Params) -> Params:
    """The params with an engine that loads the weights it is given: an endpoint answers with whatever it serves."""
    chosen = params.evaluate
    local = {"endpoint": None, "engine": "auto" if chosen.engine == "openai" else chosen.engine}
    return params.model_copy(update={"evaluate": chosen.model_copy(update=local)})


def paired_rows(champion: Path, challenger: Path, examples: Sequence[Example], params: Params) -> list[Row]:
    """Paired differences, and a row without one for each guarded metric that only one of the two has."""
    sums = tally(champion, examples), tally(challenger, examples)
    rows = compare_tallies(*sums, params.evaluate.resamples, params.seed)
    missing = {params.registry.metric, *params.registry.guards} - {row.metric for row in rows}
    a, b = (figures(side).values() for side in sums)
    n = len(examples)
    return rows + [Row(m, a.get(m), b.get(m), None, None, None, "undecided", n) for m in sorted(missing)]
