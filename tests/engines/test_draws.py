import numpy as np
import torch

from setwise.engines.draws import Sampler, row_uniforms


def test_a_row_gets_the_same_numbers_however_the_batch_is_cut():
    whole = row_uniforms(3, 7, 0, 6, 5)
    parts = [row_uniforms(3, 7, first, 2, 5) for first in (0, 2, 4)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_other_steps_and_seeds_get_other_numbers():
    first = row_uniforms(3, 7, 0, 4, 5)
    assert len({first.tobytes(), row_uniforms(3, 8, 0, 4, 5).tobytes(), row_uniforms(4, 7, 0, 4, 5).tobytes()}) == 3
    assert first.min() >= 0 and first.max() < 1


def test_tokens_are_drawn_as_often_as_the_temperature_makes_them_likely():
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5])
    rows = 20_000
    expected = torch.softmax(logits / 0.7, dim=-1)
    for uniforms in (row_uniforms(0, 0, 0, rows, 1), None):
        torch.manual_seed(0)
        drawn = Sampler(0.7, uniforms=uniforms)(None, logits.repeat(rows, 1)).argmax(dim=-1)
        assert torch.allclose(torch.bincount(drawn, minlength=4) / rows, expected, atol=0.015)


def test_tokens_beyond_top_p_are_never_drawn():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05])).repeat(5_000, 1)
    drawn = Sampler(1.0, 0.7, row_uniforms(0, 0, 0, 5_000, 1))(None, logits).argmax(dim=-1)
    assert set(drawn.tolist()) == {0, 1}
