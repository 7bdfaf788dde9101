import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setwise.evaluation.compare import Match, match_tallies
from setwise.evaluation.tally import tally
from setwise.params import Params
from setwise.report import Results, read_results
from setwise.report.claims import Claim, Verdict, _worse, claims, decide
from setwise.report.comparisons import (
    Comparisons,
    _shares,
    first_answer_ratio,
    overconfidence,
    stand_in_overconfidence,
    tokens_ratio,
    unique_ratio,
)
from setwise.report.page import Findings
from setwise.report.results import shared_params

PAPER = ("0.80 against 0.63", "1.21 against 0.81", "8.9 against 3.9", "0.65, 0.78, 0.94, 1.06", "0.199", "0.424")


@pytest.fixture(scope="module")
def table(findings: Findings) -> list[Claim]:
    return findings.claims


def only(results: Results, *methods: str) -> Results:
    return replace(results, params=results.params.model_copy(update={"methods": methods}))


def find(table: list[Claim], words: str) -> Claim:
    (found,) = [claim for claim in table if words in claim.claim]
    return found


@pytest.mark.parametrize(
    ("lo", "hi", "above", "verdict"),
    [
        (0.1, 0.2, True, "holds"),
        (-0.1, 0.2, True, "undecided"),
        (-0.2, -0.1, True, "does not hold"),
        (-0.2, -0.1, False, "holds"),
        (-0.1, 0.2, False, "undecided"),
        (0.1, 0.2, False, "does not hold"),
        (None, None, True, "undecided"),
        (0.0, 0.2, True, "undecided"),
    ],
)
def test_a_claim_holds_where_its_whole_interval_does(
    lo: float | None, hi: float | None, above: bool, verdict: Verdict
) -> None:
    assert decide(lo, hi, 0.0, above=above) == verdict


def test_the_figures_of_the_paper_stand_beside_ours(table: list[Claim]) -> None:
    shown = " ".join(claim.paper for claim in table)
    assert all(figure in shown for figure in PAPER)


def test_what_was_measured_is_shown_with_an_interval_and_what_was_not_says_why(table: list[Claim]) -> None:
    for claim in table:
        assert claim.why, claim
        assert (claim.verdict == "not measured") == (claim.ours == ""), claim
        assert claim.verdict == "not measured" or "[" in claim.ours, claim


def test_a_claim_about_a_method_that_was_not_trained_is_not_measured(results: Results) -> None:
    table = claims(Comparisons(only(results, "rlcr_multi")))
    claim = find(table, "With 9 answers")
    assert claim.verdict == "not measured"
    assert "rlvr_multi and rlvr_single not trained in this run" in claim.why


def test_without_a_sweep_the_claim_about_k_says_which_command_makes_one(table: list[Claim]) -> None:
    claim = find(table, "rise with K")
    assert claim.verdict == "not measured"
    assert "pipelines.sweeps" in claim.why


@pytest.mark.parametrize(
    ("means", "verdict"),
    [
        ((0.60, 0.70, 0.80, 0.90), "holds"),
        ((0.60, 0.61, 0.80, 0.90), "undecided"),
        ((0.60, 0.70, 0.80, 0.799), "undecided"),
        ((0.60, 0.50, 0.80, 0.90), "does not hold"),
    ],
)
def test_with_a_sweep_the_claim_about_k_is_judged_over_seeds(
    results: Results, means: tuple[float, ...], verdict: Verdict
) -> None:
    claim = rise(results, {"runs": swept(dict(zip((2, 3, 4, 5), means, strict=True)))})
    assert claim.verdict == verdict
    assert claim.ours.startswith("K = 2: 0.6")


def test_a_claim_about_four_k_needs_all_four(results: Results) -> None:
    claim = rise(results, {"runs": swept({3: 0.7, 5: 0.9})})
    assert (claim.verdict, claim.why) == ("undecided", "Not measured: K = 2, 4.")


def test_a_run_that_stands_in_two_files_counts_once(results: Results) -> None:
    sweep = {"runs": swept({2: 0.6, 3: 0.7, 4: 0.8, 5: 0.9}, spread=0.03)}
    assert rise(results, sweep).verdict == "undecided"
    assert rise(results, sweep, sweep) == rise(results, sweep)


def test_a_sweep_of_other_params_is_left_out_and_said(workspace: tuple[Path, Params], results: Results) -> None:
    root, params = workspace
    other = params.model_copy(update={"train": params.train.model_copy(update={"steps": 7})})
    sweeps = root / "sweeps_of_others"
    sweeps.mkdir()
    for name, of in (("a", params), ("b", other)):
        content = {"params": shared_params(of), "runs": swept({2: 0.6, 3: 0.7, 4: 0.8, 5: 0.9})}
        (sweeps / f"{name}.json").write_text(json.dumps(content))
    reports = root / "reports"
    places = reports / "evaluation", reports / "curves", reports / "validation.json"
    found = read_results(params, results.examples, *places, sweeps)
    assert len(found.sweeps) == 1
    (sweeps / "a.json").unlink()
    found = read_results(params, results.examples, *places, sweeps)
    claim = find(claims(Comparisons(found)), "rise with K")
    assert claim.verdict == "not measured"
    assert f"b.json was left out: train.steps is 7 there and {params.train.steps} here." in claim.why


def swept(means: dict[int, float], spread: float = 0.004) -> list[dict[str, Any]]:
    return [
        {"method": "rlvr_multi", "k": k, "seed": seed, "metrics": {f"correct_at_{k}": mean + spread * seed}}
        for k, mean in means.items()
        for seed in (-1, 0, 1)
    ]


def rise(results: Results, *sweeps: dict[str, Any]) -> Claim:
    return find(claims(Comparisons(replace(results, sweeps=sweeps))), "rise with K")


def test_the_claim_at_many_answers_is_the_paired_difference_of_the_curves(results: Results, table: list[Claim]) -> None:
    multi, single = results.many("rlvr_multi"), results.many("rlvr_single")
    sums = [tally(results.store(setup), results.examples) for setup in (single, multi)]
    rows = match_tallies(*sums, Match(9, 9), results.params.evaluate.resamples)
    (row,) = [row for row in rows if row.metric == "correct"]
    assert row.difference is not None
    assert f"{row.difference:+.3f}"[:5] in find(table, "With 9 answers").ours


def test_unique_answers_are_compared_as_the_ratio_of_means(results: Results) -> None:
    multi, single = results.many("rlvr_multi"), results.many("rlvr_single")
    found = unique_ratio(Comparisons(results), multi, single, 9)
    assert found is not None
    of, to = (results.report(setup)["curves"]["unique"]["value"][8] for setup in (multi, single))
    assert (found.of, found.to) == pytest.approx((of, to))
    assert found.value == pytest.approx(of / to)
    assert found.lo is not None and found.hi is not None and found.lo < found.value < found.hi


def test_a_model_needs_as_many_tokens_as_itself_for_as_many_different_answers(results: Results) -> None:
    setup = results.many("rlvr_single")
    found = tokens_ratio(Comparisons(results), setup, setup, 3)
    assert found is not None
    assert found.value == pytest.approx(1.0, abs=1e-6)


def test_overconfidence_is_stated_minus_observed_of_confident_answers(results: Results) -> None:
    setup = results.one("rlcr_multi")
    found = overconfidence(Comparisons(results), setup)
    bins = [b for b in results.report(setup)["calibration"]["reliability"] if b["from"] >= 0.4]
    n = sum(b["n"] for b in bins)
    stated, observed = (sum(b["n"] * b[part] for b in bins) / n for part in ("stated", "observed"))
    assert found is not None
    assert found.value == pytest.approx(stated - observed, abs=0.02)  # an answer stated at 0.4 itself is not above it


def test_a_model_that_gives_each_answer_as_often_as_it_is_right_is_not_overconfident() -> None:
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(4000):
        p = rng.uniform(0.2, 0.8)
        given, right = rng.random(10) < p, bool(rng.random() < p)
        rows = [{"reason": None, "keys": ["a"] * int(g), "hits": [int(right)] * int(g)} for g in given]
        gaps += [share - hit for picked_by, share, hit in _shares(rows) if picked_by > 0.4]
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps) / 2)


def test_a_ratio_of_a_set_up_to_itself_is_one_for_sure(results: Results) -> None:
    setup = results.one("rlvr_single")
    found = first_answer_ratio(Comparisons(results), setup, setup)
    assert found is not None
    assert (found.value, found.lo, found.hi) == (1.0, 1.0, 1.0)
    assert found.of == pytest.approx(results.report(setup)["metrics"]["coverage_at_1"]["value"])


def test_both_parts_of_a_claim_must_hold() -> None:
    assert _worse("holds", "holds") == "holds"
    assert _worse("undecided", "does not hold") == _worse("does not hold", "holds") == "does not hold"
    assert _worse("holds", "undecided") == "undecided"


def test_the_share_of_generations_stands_in_for_a_confidence(results: Results) -> None:
    found = stand_in_overconfidence(Comparisons(results), results.many("rlvr_multi"))
    assert found is not None
    assert 0.4 < found.of <= 1.0
    assert found.value == pytest.approx(found.of - found.to)
