"""What is reported was evaluated with the params and the data of the report, and is compared like with like."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.generate import tasks_of
from setwise.errors import InputError
from setwise.evaluation.tally import tally
from setwise.methods import METHODS
from setwise.params import Params
from setwise.report import Results, read_results
from setwise.report.page import Findings


def test_a_curve_has_at_least_as_many_answers_as_are_asked_for_whatever_k_is(workspace: tuple[Path, Params]) -> None:
    params = workspace[1]
    for k, asked in ((4, 30), (7, 30), (3, 9), (5, 12)):
        evaluate = params.evaluate.model_copy(update={"answers": asked})
        tasks = tasks_of(METHODS["rlcr_multi"], params.model_copy(update={"k": k, "evaluate": evaluate}))
        generations = max(task.protocol.generations for task in tasks)
        assert asked <= generations * k < asked + k


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"k": 4}, "k (3 there, 4 here)"),
        ({"evaluate": {"temperature": 0.5}}, "evaluate.temperature (1.0 there, 0.5 here)"),
    ],
)
def test_an_evaluation_by_other_params_is_refused_by_name(
    workspace: tuple[Path, Params], results: Results, changed: dict[str, Any], named: str
) -> None:
    root, params = workspace
    section = {"evaluate": params.evaluate.model_copy(update=changed["evaluate"])} if "evaluate" in changed else changed
    reports = root / "reports"
    places = reports / "evaluation", reports / "curves", reports / "validation.json", reports / "sweeps"
    with pytest.raises(InputError, match=re.escape(named)) as raised:
        read_results(params.model_copy(update=section), results.examples, *places)
    assert "run `dvc repro judge@" in str(raised.value)


def test_an_evaluation_of_other_posteriors_is_refused(workspace: tuple[Path, Params], results: Results) -> None:
    path = results.store(results.one("rlcr_multi"))
    first, *others = results.examples
    told = replace(first, posterior=tuple((name, 1 / len(first.posterior)) for name, _ in first.posterior))
    with pytest.raises(InputError, match="judged by another gold, posterior or way to match"):
        tally(path, [told, *others])


def test_sets_are_compared_with_samples_for_as_many_answers_and_as_many_tokens(findings: Findings) -> None:
    rows = findings.matched.rows
    assert [row[:2] for row in rows] == [
        (f"{kind}_multi against {kind}_single", basis) for kind in ("rlvr", "rlcr") for basis in ("answers", "tokens")
    ]
    for _, basis, answers, tokens, *differences in rows:
        (sets, samples), (of_sets, of_samples) = (map(int, pair.split(" / ")) for pair in (answers, tokens))
        assert sets == samples if basis == "answers" else sets >= samples
        assert basis == "answers" or abs(of_sets - of_samples) <= max(of_sets, of_samples) / 2
        assert all("[" in difference for difference in differences)


def test_a_sweep_gives_the_mean_over_seeds_at_each_k_with_an_interval_where_there_are_several(results: Results) -> None:
    runs = [
        {"method": "rlvr_multi", "k": k, "seed": seed, "metrics": {f"correct_at_{k}": value}}
        for k, seed, value in ((2, 0, 0.6), (2, 1, 0.7), (3, 0, 0.8))
    ]
    two, three = replace(results, sweeps=[{"runs": runs}]).by_k("rlvr_multi")
    assert (two.k, two.value) == (2, pytest.approx(0.65))
    assert two.lo is not None and two.hi is not None and two.lo < 0.65 < two.hi
    assert (three.value, three.lo) == (0.8, None)
