"""Training, held-out scores and the engines read the same tokens, whatever the tokenizer adds of its own accord."""

import random
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing

from setwise.answers import Layout
from setwise.domains.clinic import DOMAIN, ClinicParams
from setwise.engines import Sampling
from setwise.engines import transformers as engine
from setwise.methods import METHODS
from setwise.params import DEFAULTS, ModelParams, Params, validate_params
from setwise.policy import build_model
from setwise.prompts import build_prompt
from setwise.training.demonstrations import template_demonstration
from setwise.training.rl import make_trainer
from setwise.training.supervised import tokenize
from setwise.training.tokenizer import build_tokenizer

TEMPLATE = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
EXAMPLES = DOMAIN.load(ClinicParams(train_size=40, test_size=4), 0).splits["train"]
LAYOUT = Layout(3)


def make_params() -> Params:
    train = {"steps": 1, "prompts_per_step": 2, "generations": 2, "held_out": 4}
    return validate_params(DEFAULTS | {"methods": ["rlvr_multi"], "train": train}, "test")


@pytest.fixture(params=[None, TEMPLATE], ids=["plain", "chat template"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    """A tokenizer that puts a token of its own before each text, as Llama's does."""
    made: Any = build_tokenizer((text for e in EXAMPLES for text in (e.question, e.gold[0][0])), 600)
    made.add_special_tokens({"bos_token": "<|begin|>"})
    first = [("<|begin|>", made.bos_token_id)]
    made._tokenizer.post_processor = TemplateProcessing(single="<|begin|> $A", special_tokens=first)
    made.chat_template = request.param
    return made


def test_a_prompt_begins_with_one_such_token_everywhere(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_model(ModelParams(hidden_size=16, intermediate_size=16, layers=1, heads=2), tokenizer, 0)
    trainer = make_trainer(model, tokenizer, EXAMPLES[:8], METHODS["rlvr_multi"], make_params(), tmp_path)
    trained, _, _ = trainer._tokenize_prompts([trainer.train_dataset[0]["prompt"]])

    read: list[list[int]] = []
    monkeypatch.setattr(engine, "generate_ids", lambda model, tokenizer, ids, *_: read.extend(ids) or [([], True)])
    prompt = build_prompt(EXAMPLES[0].question, LAYOUT, tokenizer, DOMAIN.instruction)
    list(engine.TransformersEngine(model, tokenizer).generate([prompt], Sampling()))

    shown = template_demonstration(EXAMPLES[0], LAYOUT, ["one", "two", "three"], random.Random(0))
    assert shown is not None
    demonstrated = tokenize([shown], tokenizer, DOMAIN.instruction)["input_ids"][0]
    assert trained[0] == read[0] == demonstrated[: len(read[0])]
    assert [token == tokenizer.bos_token_id for token in read[0][:2]] == [True, False]


def test_a_tokenizer_that_adds_nothing_is_left_alone() -> None:
    made = build_tokenizer((e.question for e in EXAMPLES), 600)
    assert build_prompt("a question", LAYOUT, made) == "a question\n3 answers:"
