"""What is sampled is what `Sampling` says, whatever a Hub model's generation_config.json says."""

import json
import shutil

import pytest
import torch
from tiny_policy import QUESTIONS, make_policy

from setwise.engines import Sampling
from setwise.engines.pick import pick_engine
from setwise.params import load_params


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_policy(tmp_path_factory.mktemp("models") / "base")


def drawn(folder):
    engine = pick_engine(load_params(), folder)
    torch.manual_seed(0)
    return [c.text for found in engine.generate(QUESTIONS[:4], Sampling(max_tokens=12, n=4, seed=1)) for c in found]


def test_a_models_own_penalties_and_least_lengths_do_not_bend_what_is_sampled(folder, tmp_path):
    bent = tmp_path / "bent"
    shutil.copytree(folder, bent)
    path = bent / "generation_config.json"
    own = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(own | {"repetition_penalty": 5.0, "min_new_tokens": 12, "no_repeat_ngram_size": 1}))
    assert drawn(bent) == drawn(folder)
