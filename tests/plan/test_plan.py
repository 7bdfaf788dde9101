import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from setwise.answers import AnswerSet, Layout, render
from setwise.errors import InputError
from setwise.params import DEFAULTS, ModelParams, Params, validate_params
from setwise.plan import make_plan
from setwise.plan.memory import GIB, lora_parameters
from setwise.plan.shape import KNOWN, get_shape
from setwise.plan.tokens import least_tokens
from setwise.policy import build_model
from setwise.recipes import list_recipes, read_recipe
from setwise.scale_params import LoraParams
from setwise.training.processes import CONFIGS
from setwise.training.tokenizer import build_tokenizer

REPOSITORY = Path(__file__).parents[2]
LAUNCHES = REPOSITORY / CONFIGS
TITLES = list_recipes(REPOSITORY / "recipes")
BIG = [name for name in TITLES if "qwen3" in name]


def make_params(**sections) -> Params:
    return validate_params({**DEFAULTS, "methods": ["rlcr_multi"], **sections}, "params.yaml")


def recipe(name: str) -> Params:
    return read_recipe(name, REPOSITORY / "recipes").params


def plan(params: Params, **options):
    return make_plan(params, launch_folder=LAUNCHES, **options)


def sizes(made) -> dict[str, float]:
    return {part.name: part.size for part in made.parts}


@pytest.mark.parametrize("name", TITLES)
def test_every_recipe_is_valid_and_can_be_planned(name):
    made = plan(recipe(name))
    assert made.batch.total == made.params.train.prompts_per_step * made.params.train.generations
    assert "warning" not in str(made)


@pytest.mark.parametrize("name", BIG)
def test_every_big_recipe_fits_the_gpu_its_title_names(name):
    gib = int(TITLES[name].split(" GB")[0].rsplit(" ", 1)[1]) * 1e9 / GIB
    assert plan(recipe(name), device_gib=gib).total_bytes < gib * GIB


@pytest.mark.parametrize("name", [name for name in BIG if "lora" not in name])
def test_the_full_recipes_have_the_settings_of_the_paper(name):
    params = recipe(name)
    train, reward = params.train, params.reward
    assert (params.model.path, params.k, params.model.dtype) == ("Qwen/Qwen3-8B", 3, "bfloat16")
    assert (train.generations, train.learning_rate, train.temperature) == (32, 1e-6, 0.7)
    assert (train.max_completion_tokens, train.beta) == (1536, 0.0)
    assert (reward.format_weight, reward.correctness_weight, reward.brier_weight) == (0.5, 0.5, 0.5)


def test_the_page_tells_processes_batch_tokens_and_memory():
    made = plan(recipe("ddxplus-qwen3-8b"))
    page = str(made)
    assert "8 on 1 machine(s), DeepSpeed ZeRO-3" in page
    assert "16 prompts × 32 generations = 512 completions" in page
    assert "= 8 processes × 16 accumulated × 4 at once" in page
    assert "300 steps, 4,800 prompts, 153,600 completions" in page
    assert f"{512 * 1536:,} a step" in page
    for part in ("weights", "gradients", "optimizer", "activations", "logits", "generation", "together"):
        assert f"\n  {part}" in page


@pytest.mark.parametrize("heads", [2, 4])
def test_parameters_are_counted_as_the_model_has_them(heads):
    params = ModelParams(hidden_size=32, intermediate_size=48, layers=3, heads=heads, vocab_size=400)
    tokenizer = build_tokenizer(["a fever", "a cough"], 400)
    model = build_model(params, tokenizer, seed=0)
    shape = get_shape(params, own_tags=len(tokenizer) - 400)
    assert shape.parameters == sum(p.numel() for p in model.parameters())


def test_qwen3_8b_has_as_many_parameters_as_its_card_says():
    assert KNOWN["Qwen/Qwen3-8B"].parameters == 8_190_735_360


def test_adapters_are_counted_as_peft_makes_them():
    from peft import LoraConfig, get_peft_model

    params = ModelParams(hidden_size=32, intermediate_size=48, layers=2, heads=2, vocab_size=400)
    model = build_model(params, build_tokenizer(["a fever"], 400), seed=0)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear"))
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert lora_parameters(get_shape(params, 0), LoraParams(rank=4)) == trained


def test_the_shape_of_a_model_folder_is_read_from_its_config(tmp_path):
    config = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config |= {"vocab_size": 50, "max_position_embeddings": 256}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shape = get_shape(ModelParams(path=str(tmp_path)), 0)
    assert (shape.kv_heads, shape.head_dim, shape.context) == (2, 4, 256)
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_experts": 8}))
    with pytest.raises(InputError, match="mixture of experts"):
        get_shape(ModelParams(path=str(tmp_path)), 0)


def test_a_model_whose_shape_is_not_known_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"hf download someone/else config\.json"):
        plan(make_params(model={"path": "someone/else"}))


@pytest.mark.parametrize("confidences", [False, True])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_no_valid_completion_is_shorter_than_the_least_number_of_tokens(k, confidences):
    layout = Layout(k=k, confidences=confidences)
    names = [chr(ord("a") + i) for i in range(k)]
    tokenizer = build_tokenizer([" ".join(names)] * 50, 600)
    answers = AnswerSet(tuple(names), tuple(0.25 for _ in names) if confidences else None)
    written = len(tokenizer(render(answers, layout))["input_ids"]) + 1
    assert least_tokens(layout, own_tokenizer=True) <= written
    assert least_tokens(layout, own_tokenizer=False) > least_tokens(layout, own_tokenizer=True)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"train": {"prompts_per_step": 3, "generations": 5}, "scale": {"accelerate": "two_cpus"}},
            "15 completions can't be shared by 2 processes",
        ),
        (
            {
                "train": {"prompts_per_step": 3, "generations": 5},
                "scale": {"accelerate": "two_cpus", "cluster": {"workers": 4, "storage": "/mnt/all"}},
            },
            "15 completions can't be shared by 4 processes",
        ),
        (
            {"train": {"prompts_per_step": 4, "generations": 8}, "scale": {"micro_batch": 7}},
            "scale.micro_batch: 7 does not divide the 32 completions .* use 8",
        ),
        (
            {"k": 20, "train": {"max_completion_tokens": 64}},
            "64 is too few for rlcr_multi: 20 answers take at least 123",
        ),
        (
            {"model": {"path": "Qwen/Qwen3-8B"}, "train": {"max_completion_tokens": 64}},
            "64 is too few for rlcr_multi: 3 answers take at least 72",
        ),
        ({"evaluate": {"max_completion_tokens": 10}}, r"evaluate\.max_completion_tokens: 10 is too few"),
        ({"train": {"max_completion_tokens": 512}}, "model.max_length: 512 leaves no room for a question"),
        (
            {"evaluate": {"engine": "vllm", "max_completion_tokens": 300, "vllm": {"max_model_length": 256}}},
            "evaluate.max_completion_tokens: 300 .* context of 256; .* raise evaluate.vllm.max_model_length",
        ),
        (
            {"train": {"max_completion_tokens": 300}, "scale": {"vllm": {"mode": "colocate", "max_model_length": 256}}},
            "train.max_completion_tokens: 300 .* context of 256; .* raise scale.vllm.max_model_length",
        ),
        (
            {"evaluate": {"engine": "vllm", "vllm": {"max_model_length": 1024}}},
            "evaluate.vllm.max_model_length: 1024 is over the model's context of 512",
        ),
        ({"scale": {"accelerate": "nowhere"}}, "no file .*nowhere.yaml; use one of: ddp, fsdp"),
        ({"scale": {"accelerate": "ddp"}}, "scale.mixed_precision: .*ddp.yaml says bf16"),
        (
            {"scale": {"accelerate": "zero3", "mixed_precision": "bf16", "draws": "row"}},
            "'row' needs the whole model in each process",
        ),
        (
            {"scale": {"vllm": {"mode": "colocate", "tensor_parallel_size": 3}}},
            "tensor_parallel_size: 3 does not divide the 1 processes",
        ),
        (
            {"model": {"path": "Qwen/Qwen3-8B"}, "train": {"max_completion_tokens": 256}}
            | {"evaluate": {"max_completion_tokens": 256}}
            | {"scale": {"vllm": {"mode": "colocate", "gpu_memory_utilization": 0.15}}},
            "0.15 of 80 GiB does not hold the weights",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line_with_the_remedy(sections, message):
    with pytest.raises(InputError, match=message) as caught:
        plan(make_params(**sections))
    assert "\n" not in str(caught.value)


def test_the_limit_of_an_engine_that_is_not_used_limits_nothing():
    unused = {"max_model_length": 100}
    tokens = {"max_completion_tokens": 128}
    asked = {**tokens, "engine": "transformers"}

    def found(**sections):
        return replace(plan(make_params(train=tokens, **sections)), params=None)

    unlimited = found(evaluate=asked)
    assert found(evaluate=asked, scale={"vllm": unused}) == unlimited
    assert found(evaluate={**asked, "vllm": unused}) == unlimited


def test_packages_that_are_asked_for_and_missing_are_named_together():
    sections = {"scale": {"vllm": {"mode": "server"}}, "evaluate": {"engine": "vllm"}}
    made = plan(make_params(**sections))
    if torch.cuda.is_available():
        pytest.skip("a machine with a GPU may have vLLM")
    with pytest.raises(InputError, match=r"scale\.vllm\.mode: vLLM .* evaluate\.engine: vLLM"):
        made.require_installed()
    plan(make_params()).require_installed()


def test_sharing_the_model_out_divides_its_state_by_the_processes():
    def state(accelerate):
        scale = {"accelerate": accelerate, "mixed_precision": "bf16"}
        tokens = {"max_completion_tokens": 256}
        train = {"prompts_per_step": 8, "generations": 8, **tokens}
        made = plan(make_params(model={"path": "Qwen/Qwen3-8B"}, train=train, evaluate=tokens, scale=scale))
        return sizes(made)

    whole, two, three, fsdp = (state(name) for name in ("ddp", "zero2", "zero3", "fsdp"))
    n = KNOWN["Qwen/Qwen3-8B"].parameters
    assert (whole["weights"], whole["optimizer"]) == (4 * n, 8 * n)
    assert (two["weights"], two["optimizer"]) == (2 * n, 12 * n / 8)
    assert (three["weights"], three["gradients"]) == (2 * n / 8, 2 * n / 8)
    assert fsdp["weights"] == 4 * n / 8


def test_steps_too_small_for_bfloat16_weights_are_warned_of():
    lost = make_params(model={"dtype": "bfloat16"}, train={"learning_rate": 1e-6})
    kept = make_params(scale={"mixed_precision": "bf16"}, train={"learning_rate": 1e-6})
    assert any("lost in bfloat16" in warning for warning in plan(lost).warnings)
    assert not plan(kept).warnings


@pytest.mark.parametrize("path", sorted(LAUNCHES.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_knows_every_key_of_the_launch_files(path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_processes == yaml.safe_load(path.read_text())["num_processes"]
