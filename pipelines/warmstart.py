"""Stage `warmstart`: tokenizer and model (made from config, or loaded), then supervised training on demonstrations."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.paths import data_folder, model_folder, read_json
from pipelines.questions import training_questions
from pipelines.stage import log, run_stage, whole_folder
from setwise.domains import Example, get_domain
from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.methods import METHODS
from setwise.params import Params

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def warmstart(params: Params) -> None:
    """Write `models/base` (the policy before any training) and `models/warmstart`, which every method starts from."""
    import torch
    from transformers import set_seed

    from setwise.plan.tokens import check_limit
    from setwise.training.live import LiveLine
    from setwise.training.warmstart import warm_start

    torch.set_num_threads(params.warmstart.threads)
    set_seed(params.seed)
    folder = data_folder(params)
    examples = training_questions(params)
    extra = folder / "warmstart.parquet"
    trained_on = examples[: len(examples) - params.train.held_out]
    trained_on += read_examples(extra) if extra.exists() else []
    vocabulary = read_json(folder / "vocabulary.json")
    _check_answers(params, vocabulary)
    check_limit("train", params.train.max_completion_tokens, params, params.methods)
    model, tokenizer = _make_policy(params, trained_on, vocabulary or [])
    layouts = [METHODS[name].layout(params.k) for name in METHODS]
    with whole_folder(model_folder("base")) as base, whole_folder(model_folder("warmstart")) as weights:
        _save(model, tokenizer, base)
        if params.warmstart.source == "none":
            log.info("warm start: none; every method starts from the policy as it is")
            _save(model, tokenizer, weights)
            return
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            counts = warm_start(
                model,
                tokenizer,
                trained_on,
                vocabulary or _gold_answers(trained_on),
                params.warmstart,
                layouts,
                get_domain(params.domain.name).instruction,
                params.seed,
                Path(scratch),
                callbacks=[LiveLine("warm start")],
            )
        log.info("warm start: %.0f s, %s", time.monotonic() - started, counts)
        _save(model, tokenizer, weights)


def _check_answers(params: Params, vocabulary: list[str] | None) -> None:
    """`InputError` where a closed list has fewer than K answers, or open answers are to be scored.

    Every gold answer would be scored, for every question.
    """
    warmstart, name = params.warmstart, params.domain.name
    if vocabulary and len(vocabulary) < params.k:
        raise InputError(f"params.yaml: k: {params.k} is over the {len(vocabulary)} answers that {name} has; lower it")
    if not vocabulary and warmstart.source == "distill" and warmstart.distill_from == "scores":
        raise InputError(
            f"params.yaml: warmstart.distill_from: 'scores' needs a closed list of answers, and {name} has open ones; "
            "use 'samples'"
        )


def _make_policy(
    params: Params, examples: list[Example], vocabulary: list[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The policy before training: loaded from `model.path`, else made from the config with the domain's tokenizer."""
    from setwise.policy import build_model, load_policy
    from setwise.training.demonstrations import Places
    from setwise.training.tokenizer import build_tokenizer

    if params.model.path is not None:
        return load_policy(
            params.model.path,
            revision=params.model.revision,
            dtype=params.model.dtype,
            trust_remote_code=params.model.trust_remote_code,
            safetensors_only=params.model.safetensors_only,
        )
    answers = [alias for example in examples for aliases in example.gold for alias in aliases]
    texts = [*(example.question for example in examples), *answers, *vocabulary]
    places = Places.of(examples, vocabulary)
    if places.count > 1:  # as frequent as an answer, so that it becomes one token as they do
        texts += [places.nothing] * (len(answers) // len(set(answers)))
    tokenizer = build_tokenizer(texts, params.model.vocab_size)
    return build_model(params.model, tokenizer, params.seed), tokenizer


def _gold_answers(examples: list[Example]) -> list[str]:
    """Distractors where answers are open: what is right for other questions."""
    return sorted({aliases[0] for example in examples for aliases in example.gold})


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    run_stage("warmstart", warmstart)
