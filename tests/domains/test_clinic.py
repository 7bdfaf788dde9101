"""The clinic world is ambiguous as promised, and its posterior is exact."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from setwise.domains.base import question_content
from setwise.domains.clinic import (
    DOMAIN,
    ClinicParams,
    World,
    attainable_coverage,
    hypothesis_posterior,
    make_hypotheses,
    make_world,
    sample_patients,
)
from setwise.domains.parquet import read_examples, write_examples
from setwise.errors import InputError

SMALL = {"families": 2, "diagnoses_per_family": 2, "findings": 6, "examined": 4, "train_size": 100, "test_size": 50}


def small(**changes: object) -> ClinicParams:
    return ClinicParams.model_validate({**SMALL, **changes})


def truths(world: World, mode: str) -> list[tuple[tuple[int, ...], float]]:
    """Every set of diagnoses with its prior, from the definition alone."""
    singles = [((i,), float(p)) for i, p in enumerate(world.prior)]
    if mode == "one":
        return singles
    sets = []
    for size, share in ((1, 0.35), (2, 0.40), (3, 0.25)):
        weights = {
            chosen: math.prod(float(world.prior[i]) for i in chosen)
            for chosen in itertools.combinations(range(len(world.prior)), size)
        }
        total = sum(weights.values())
        sets += [(chosen, share * weight / total) for chosen, weight in weights.items()]
    return sets


def likelihood(world: World, chosen: Sequence[int], findings: Sequence[int]) -> float:
    """P(findings | these diagnoses): each true diagnosis may cause a finding, independently."""
    value = 1.0
    for finding, seen in enumerate(findings):
        if seen >= 0:
            absent = math.prod(1 - float(world.present[i, finding]) for i in chosen)
            value *= 1 - absent if seen else absent
    return value


def brute_force(world: World, mode: str, findings: Sequence[int]) -> list[float]:
    joint = [prior * likelihood(world, chosen, findings) for chosen, prior in truths(world, mode)]
    return [value / sum(joint) for value in joint]


@pytest.mark.parametrize("mode", ["one", "several"])
def test_the_posterior_is_that_of_brute_force(mode: str) -> None:
    world = make_world(small())
    hypotheses = make_hypotheses(world, mode)
    _, findings = sample_patients(world, hypotheses, 4, 40, np.random.default_rng(1))
    found = hypothesis_posterior(hypotheses, findings)
    expected = [brute_force(world, mode, row) for row in findings.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("mode", ["one", "several"])
def test_the_posterior_of_an_example_is_that_of_each_diagnosis(mode: str) -> None:
    params = small(mode=mode)
    world = make_world(params)
    for example in DOMAIN.load(params, 3).splits["test"][:20]:
        said = example.question.removeprefix("Invented patient: ").removesuffix(".").split(", ")
        shown = [part for part in said if not part.startswith("no ")]
        absent = [part.removeprefix("no ") for part in said if part.startswith("no ")]
        findings = [1 if name in shown else 0 if name in absent else -1 for name in world.findings]
        assert sum(v >= 0 for v in findings) == params.examined
        posterior = brute_force(world, mode, findings)
        for name, probability in example.posterior:
            index = world.diagnoses.index(name)
            marginal = sum(p for (chosen, _), p in zip(truths(world, mode), posterior, strict=True) if index in chosen)
            assert probability == pytest.approx(marginal, rel=1e-9)


@pytest.mark.parametrize("mode", ["one", "several"])
def test_the_posterior_is_calibrated_on_what_was_true(mode: str) -> None:
    params = small(mode=mode, findings=12, examined=6, train_size=8000, families=3)
    examples = DOMAIN.load(params, 5).splits["train"]
    pairs = [(p, (name,) in e.gold) for e in examples for name, p in e.posterior]
    stated, held = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    for low, high in itertools.pairwise(np.linspace(0, 1, 11)):
        within = (stated >= low) & (stated < high)
        if within.sum() > 200:
            deviation = math.sqrt(float((stated[within] * (1 - stated[within])).sum())) / within.sum()
            assert abs(stated[within].mean() - held[within].mean()) < 4 * deviation


@pytest.mark.parametrize("world_seed", [0, 1, 2, 7, 11, 123])
def test_a_world_is_ambiguous_by_construction(world_seed: int) -> None:
    params = ClinicParams(world_seed=world_seed, train_size=1)
    posteriors = [[p for _, p in example.posterior] for example in DOMAIN.load(params, 0).splits["test"]]
    best = np.sort(np.array(posteriors), axis=1)[:, ::-1]
    assert best[:, 0].mean() < 0.6
    assert 0.80 <= best[:, :3].sum(axis=1).mean() <= 0.90


def test_a_patient_of_mode_one_has_one_diagnosis_and_the_probabilities_sum_to_one() -> None:
    for example in DOMAIN.load(small(), 0).splits["test"]:
        assert (len(example.gold), example.exclusive) == (1, True)
        assert sum(p for _, p in example.posterior) == pytest.approx(1, abs=1e-9)


def test_a_patient_of_mode_several_has_one_to_three_diagnoses() -> None:
    examples = DOMAIN.load(small(mode="several"), 0).splits["test"]
    assert {len(example.gold) for example in examples} == {1, 2, 3}
    assert not any(example.exclusive for example in examples)
    for example in examples:
        assert 1 - 1e-9 <= sum(p for _, p in example.posterior) <= 3 + 1e-9


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_attainable_coverage_is_that_of_the_best_of_all_sets(k: int) -> None:
    world = make_world(small())
    hypotheses = make_hypotheses(world, "several")
    _, findings = sample_patients(world, hypotheses, 4, 20, np.random.default_rng(2))
    posterior = hypothesis_posterior(hypotheses, findings)
    expected = [
        max(
            sum(p for (chosen, _), p in zip(truths(world, "several"), row, strict=True) if set(chosen) & set(answers))
            for answers in itertools.combinations(range(len(world.diagnoses)), k)
        )
        for row in posterior.tolist()
    ]
    np.testing.assert_allclose(attainable_coverage(hypotheses, posterior, k), expected, rtol=1e-9)


def test_the_test_split_of_mode_several_states_the_attainable_coverage_of_each_k() -> None:
    splits = DOMAIN.load(small(mode="several"), 0).splits
    for example in splits["test"]:
        stated = example.columns["attainable_coverage"]
        assert len(stated) == 5
        assert stated == sorted(stated)
        assert stated[0] == pytest.approx(example.posterior[0][1])
    assert all(not example.columns for example in splits["train"])


@pytest.mark.parametrize("mode", ["one", "several"])
def test_the_same_seed_writes_the_same_bytes_and_another_does_not(mode: str, tmp_path: Path) -> None:
    for name, seed in (("one", 4), ("two", 4), ("other", 5)):
        write_examples(tmp_path / name, DOMAIN.load(small(mode=mode), seed).splits["test"])
    one, two, other = ((tmp_path / name).read_bytes() for name in ("one", "two", "other"))
    assert one == two != other
    assert read_examples(tmp_path / "one") == list(DOMAIN.load(small(mode=mode), 4).splits["test"])


def test_no_question_stands_twice_and_repeats_are_counted() -> None:
    prepared = DOMAIN.load(small(), 0)
    questions = [question_content(e.question) for examples in prepared.splits.values() for e in examples]
    assert len(questions) == len(set(questions)) == 150
    assert prepared.dropped["repeated question"] > 0


def test_the_source_names_each_row_of_a_split_once() -> None:
    rows = [example.source["row"] for example in DOMAIN.load(small(), 0).splits["train"]]
    assert rows == list(range(100))


@pytest.mark.parametrize("mode", ["one", "several"])
def test_every_patient_meets_the_expectations(mode: str) -> None:
    examples = DOMAIN.load(small(mode=mode), 0).splits["train"]
    assert all(rule.holds(example) for rule in DOMAIN.expectations() for example in examples)


def test_more_patients_than_can_be_told_apart_are_refused_before_any_is_drawn() -> None:
    with pytest.raises(ValueError, match="4 of 6 findings tell only 240 patients apart; lower the sizes or raise"):
        small(train_size=200)


def test_patients_too_rare_to_turn_up_are_refused_by_size() -> None:
    rare = small(findings=10, examined=8, train_size=11_470)
    with pytest.raises(InputError, match=r"domain.train_size: 11470 different patients do not turn up .* lower the"):
        DOMAIN.load(rare, 0)


def test_a_world_too_large_for_mode_several_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 24 in mode 'several'"):
        small(mode="several", families=12, diagnoses_per_family=8)
