import logging

import pytest
from tiny_policy import QUESTIONS, make_policy

from setwise.engines import Sampling
from setwise.engines.pick import pick_engine
from setwise.engines.vllm import is_vllm_installed
from setwise.errors import InputError
from setwise.params import DEFAULTS, Params, load_params, validate_params

SECTIONS = {name: {} for name in ("model", "reward", "warmstart", "train", "evaluate", "scale", "registry")}


def make_params(**evaluate) -> Params:
    return validate_params({**DEFAULTS, "methods": ["rlcr_multi"], "evaluate": evaluate}, "params.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("models") / "base")


def test_auto_takes_the_endpoint_where_one_is_given_and_says_so(folder, caplog):
    with caplog.at_level(logging.INFO, "setwise"):
        engine = pick_engine(make_params(endpoint={"url": "http://127.0.0.1:1/v1"}), folder)
    assert engine.name == "openai"
    assert "engine: openai (auto: evaluate.endpoint is http://127.0.0.1:1/v1)" in caplog.text


@pytest.mark.skipif(is_vllm_installed(), reason="vLLM is installed")
def test_auto_takes_transformers_where_nothing_else_is_there_and_says_why(folder, caplog):
    with caplog.at_level(logging.INFO, "setwise"):
        engine = pick_engine(make_params(), folder)
    assert "engine: transformers (auto: no endpoint is given and vLLM is not installed)" in caplog.text
    assert len(next(engine.generate(QUESTIONS[:1], Sampling(max_tokens=4, n=2)))) == 2


@pytest.mark.skipif(is_vllm_installed(), reason="vLLM is installed")
def test_vllm_asked_for_and_missing_is_one_line_with_the_remedy(folder):
    with pytest.raises(InputError, match=r"vLLM is not installed; pip install 'setwise\[vllm\]'"):
        pick_engine(make_params(engine="vllm"), folder)


def test_an_endpoint_engine_needs_an_endpoint():
    with pytest.raises(InputError, match=r"engine: 'openai' needs endpoint\.url"):
        make_params(engine="openai")


def test_placeholders_name_the_model_by_its_folder(folder):
    url = "http://127.0.0.1:1/{name}/v1"
    named = pick_engine(make_params(endpoint={"url": url, "model": "setwise-{name}"}), folder)
    by_path = pick_engine(make_params(endpoint={"url": url}), folder)
    assert (named.url, named.model) == ("http://127.0.0.1:1/base/v1", "setwise-base")
    assert by_path.model == str(folder.resolve())


def test_a_params_file_can_be_read_with_its_engine_settings(tmp_path):
    path = tmp_path / "params.yaml"
    lines = ["seed: 0", "k: 3", "methods: [rlcr_multi]", "threads: 1", "domain: {name: clinic}"]
    lines += [f"{name}: {{}}" for name in SECTIONS if name != "evaluate"]
    path.write_text("\n".join([*lines, "evaluate: {engine: vllm, vllm: {tensor_parallel_size: 2}}"]))
    assert load_params(path).evaluate.vllm.tensor_parallel_size == 2
