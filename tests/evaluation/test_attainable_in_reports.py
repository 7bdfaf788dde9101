"""The attainable figures of whole evaluations, for exclusive answers and for answers that can be true together."""

from dataclasses import replace

import pytest
from evaluation_world import NAMES, make_examples, make_key, make_verdicts

from setwise.answers import AnswerSet, Layout, render
from setwise.engines import Completion
from setwise.evaluation import Protocol, summarise

SETS = Protocol("one", Layout(k=3, confidences=True))


class BestSet:
    """Answers every question with its three most probable answers, stated as they are."""

    name, device = "best", "cpu"

    def __init__(self, examples):
        self.posteriors = {example.question: example.posterior for example in examples}

    def generate(self, prompts, sampling):
        for prompt in prompts:
            top = self.posteriors[prompt][:3]
            stated = AnswerSet(tuple(answer for answer, _ in top), tuple(round(p, 2) for _, p in top))
            yield [Completion(render(stated, SETS.layout), 12, True)]


def _metrics(path, examples):
    make_verdicts(BestSet(examples), examples, make_key(examples, SETS), path)
    return summarise(path, examples, n_resamples=500)["metrics"]


def test_the_best_sets_attain_what_is_attainable(tmp_path):
    metrics = _metrics(tmp_path / "a.parquet", make_examples(300))
    assert metrics["posterior_share"]["value"] == pytest.approx(1.0, abs=1e-12)
    assert abs(metrics["excess_set_brier"]["value"]) < 1e-4, "confidences are stated to two decimals"
    assert metrics["attainable_share"]["lo"] < 1.0 < metrics["attainable_share"]["hi"]


def test_attainable_coverage_of_answers_true_together_is_what_the_domain_states(tmp_path):
    examples = [
        replace(e, exclusive=False, gold=(*e.gold, ("another",)), columns={"attainable_coverage": [0.3, 0.6, 0.7]})
        for e in make_examples(50)
    ]
    metrics = _metrics(tmp_path / "a.parquet", examples)
    assert metrics["attainable_coverage"]["value"] == pytest.approx(0.7)
    assert metrics["attainable_share"]["value"] == pytest.approx(metrics["coverage_at_3"]["value"] / 0.7)


def test_attainable_coverage_of_answers_true_together_is_unknown_where_the_domain_is_silent(tmp_path):
    examples = [replace(e, exclusive=False) for e in make_examples(20)]
    metrics = _metrics(tmp_path / "a.parquet", examples)
    assert metrics["attainable_share"]["value"] is None
    assert metrics["posterior_share"]["value"] == pytest.approx(1.0)


def test_an_answer_outside_the_posterior_has_probability_zero(tmp_path):
    examples = [replace(e, posterior=((NAMES[7], 1.0),), gold=((NAMES[0],),)) for e in make_examples(5)]

    class Outside(BestSet):
        def generate(self, prompts, sampling):
            stated = AnswerSet(NAMES[:3], (0.5, 0.3, 0.2))
            return ([Completion(render(stated, SETS.layout), 12, True)] for _ in prompts)

    path = tmp_path / "a.parquet"
    make_verdicts(Outside(examples), examples, make_key(examples, SETS), path)
    metrics = summarise(path, examples, n_resamples=100)["metrics"]
    assert metrics["posterior_share"]["value"] == 0.0
    assert metrics["excess_confidence_brier"]["value"] == pytest.approx((0.25 + 0.09 + 0.04) / 3)
