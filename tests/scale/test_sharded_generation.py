"""Where a process holds a part of the model, TRL generates; `scale.generation_batch` bounds that, too."""

import pytest
from scale_world import make_params
from trl import GRPOTrainer

from setwise.domains.clinic import DOMAIN, ClinicParams
from setwise.errors import InputError
from setwise.methods import METHODS
from setwise.policy import build_model
from setwise.training import rl
from setwise.training.rl import make_trainer
from setwise.training.tokenizer import build_tokenizer

EXAMPLES = DOMAIN.load(ClinicParams(train_size=40, test_size=4), 0).splits["train"]


def trainer(folder, **scale):
    params = make_params(scale=scale)
    tokenizer = build_tokenizer((text for e in EXAMPLES for text in (e.question, e.gold[0][0])), 400)
    model = build_model(params.model, tokenizer, 0)
    return make_trainer(model, tokenizer, EXAMPLES, METHODS["rlcr_multi"], params, folder)


@pytest.fixture
def sharded(monkeypatch):
    """Every trainer counts as sharded; TRL's generation is replaced by the number of rows it is given."""
    monkeypatch.setattr(rl, "is_sharded", lambda trainer: True)
    sizes = []

    def generate(self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False):
        sizes.append(len(prompt_ids))
        return [[ids[0] + 1] for ids in prompt_ids], None

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", generate)
    return sizes


@pytest.mark.parametrize(("limit", "sizes"), [(None, [10]), (4, [4, 4, 2]), (16, [10])])
def test_so_many_completions_are_generated_at_once(limit, sizes, sharded, tmp_path):
    prompts = [[i] for i in range(10)]
    drawn, logprobs = trainer(tmp_path, generation_batch=limit)._generate_single_turn(prompts, None, {}, 2)
    assert sharded == sizes
    assert (drawn, logprobs) == ([[i + 1] for i in range(10)], None)


def test_random_numbers_for_each_row_are_refused(sharded, tmp_path):
    with pytest.raises(InputError, match=r"scale\.draws: 'row' needs the whole model in each process; use 'batch'"):
        trainer(tmp_path, draws="row")
