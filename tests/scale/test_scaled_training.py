"""Adapters, bfloat16 and models of other makers: each trained for a few steps, kept, loaded again and evaluated."""

import pytest
import torch
from safetensors.torch import load_file
from scale_world import METHOD, STEPS, make_params, make_workspace

from setwise.digests import weights_digest
from setwise.domains.parquet import read_examples
from setwise.engines import Sampling
from setwise.engines.pick import pick_engine
from setwise.evaluation import StoreKey, generate, get_protocol, judge, summarise, text_digest
from setwise.methods import METHODS, get_method
from setwise.policy import load_policy
from setwise.prompts import build_prompt
from setwise.training.train import train_method
from setwise.training.warmstart import warm_start

CHAT_TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]\n{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
HEADLINES = ("valid_rate", "coverage_at_3", "set_brier")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("scale") / "source")


def train(workspace, params, workdir, policy=None):
    """Train from the warm start; the folder of the kept weights."""
    examples = read_examples(workspace / "data" / "clinic" / "train.parquet")
    trained = train_method(params, METHOD, policy or workspace / "models" / "warmstart", examples, workdir, None)
    assert trained.steps == STEPS
    return trained.weights


def evaluate(workspace, params, weights, path):
    """The metrics of `weights` on the test split, by the engine the params pick."""
    examples = read_examples(workspace / "data" / "clinic" / "test.parquet")
    engine = pick_engine(params, weights)
    protocol = get_protocol("one", get_method(METHOD), params.k)
    prompts = [build_prompt(e.question, protocol.layout, engine.tokenizer, "Name the diagnoses.") for e in examples]
    questions = [example.question for example in examples]
    key = StoreKey(
        weights_digest(weights), text_digest(questions), text_digest(prompts), METHOD, protocol, Sampling(seed=1)
    )
    store = generate(engine, questions, prompts, key, path)
    verdicts = judge(store.path, examples, path.with_name("judged.parquet"))
    metrics = summarise(verdicts, examples, n_resamples=100, seed=0)["metrics"]
    return prompts, {name: metrics[name]["value"] for name in HEADLINES}


def test_a_lora_run_is_merged_into_a_model_that_answers_as_the_adapter_did(workspace, tmp_path):
    from peft import PeftModel

    lora = {"rank": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    scale = {"lora": lora, "gradient_checkpointing": True, "micro_batch": 8}
    params = make_params(scale=scale, train={"learning_rate": 0.01})
    weights = train(workspace, params, tmp_path / "work")
    merged, start = (load_file(f / "model.safetensors") for f in (weights, workspace / "models" / "warmstart"))
    changed = {name for name in start if not torch.equal(start[name], merged[name])}
    assert changed == {name for name in start if "q_proj" in name or "v_proj" in name}
    newest = max((tmp_path / "work").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    best = int((weights / "best.json").read_text().split('"step": ')[1].split(",")[0])
    kept = newest.with_name(f"checkpoint-{best}")
    model, tokenizer = load_policy(workspace / "models" / "warmstart")
    adapted = PeftModel.from_pretrained(model, str(kept)).eval()
    whole, _ = load_policy(weights)
    ids = tokenizer("a patient with fever", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert torch.allclose(whole.eval()(ids).logits, adapted(ids).logits, atol=1e-4)
    _, metrics = evaluate(workspace, params, weights, tmp_path / "one.parquet")
    assert metrics["valid_rate"] > 0


@pytest.mark.parametrize(
    ("model", "scale", "kept"),
    [
        ({"dtype": "bfloat16"}, {}, torch.bfloat16),
        ({}, {"mixed_precision": "bf16"}, torch.float32),
    ],
    ids=["weights in bfloat16", "computing in bfloat16"],
)
def test_a_bfloat16_run_trains_and_keeps_the_weights_as_the_model_has_them(workspace, tmp_path, model, scale, kept):
    params = make_params(model=model, scale=scale, train={"learning_rate": 0.01})
    weights = train(workspace, params, tmp_path / "work")
    tensors = load_file(weights / "model.safetensors")
    start = load_file(workspace / "models" / "warmstart" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {kept}
    assert any(not torch.equal(start[name].to(kept), tensors[name]) for name in start)
    _, metrics = evaluate(workspace, params, weights, tmp_path / "one.parquet")
    assert metrics["valid_rate"] > 0


def test_a_model_folder_in_the_hubs_format_is_asked_through_its_own_chat_template(workspace, tmp_path):
    model, tokenizer = load_policy(workspace / "models" / "warmstart")
    tokenizer.chat_template = CHAT_TEMPLATE
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "hub")
    assert (tmp_path / "hub" / "chat_template.jinja").exists()
    params = make_params(model={"path": str(tmp_path / "hub")}, warmstart={"examples": 600})
    model, tokenizer = load_policy(params.model.path)
    examples = read_examples(workspace / "data" / "clinic" / "train.parquet")
    answers = sorted({alias for example in examples for aliases in example.gold for alias in aliases})
    layouts = [METHODS[METHOD].layout(params.k)]
    warm_start(
        model, tokenizer, examples, answers, params.warmstart, layouts, "Name the diagnoses.", 5, tmp_path / "scratch"
    )
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "warmstart")
    weights = train(workspace, params, tmp_path / "work", tmp_path / "warmstart")
    prompts, metrics = evaluate(workspace, params, weights, tmp_path / "one.parquet")
    assert prompts[0].startswith("[system]\nName the diagnoses.") and prompts[0].endswith("[assistant]\n")
    assert metrics["valid_rate"] > 0
