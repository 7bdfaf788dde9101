import pytest

from setwise.evaluation import Row
from setwise.registry import Decision, Sides, decide
from setwise.registry_params import RegistryParams

SIDES = Sides("2", "1", "q" * 64, 500)


def row(metric, champion, challenger, lo, hi, verdict="undecided"):
    difference = None if None in (champion, challenger) else challenger - champion
    return Row(metric, champion, challenger, difference, lo, hi, verdict, 500)


BETTER = row("pass_at_1", 0.6, 0.7, 0.05, 0.15, "better")
GUARDED = {
    "valid_rate": row("valid_rate", 0.99, 0.99, 0.0, 0.0),
    "ece_width": row("ece_width", 0.05, 0.05, 0.0, 0.0),
    "tokens_per_question": row("tokens_per_question", 100.0, 100.0, 0.0, 0.0),
}


def judge(improvement=BETTER, barred=None, params=None, **guarded):
    rows = [improvement, *(GUARDED | guarded).values()]
    return decide(SIDES, [r for r in rows if r is not None], params or RegistryParams(), barred)


def test_the_first_model_becomes_champion():
    decision = decide(Sides("1", None, "q" * 64, 500), [], RegistryParams())
    assert decision.passed
    assert decision.reason == "no champion yet"


def test_a_better_challenger_passes_with_its_numbers():
    decision = judge()
    assert decision.passed
    first = decision.checks[0]
    assert (first.metric, first.champion, first.challenger, first.lo, first.hi) == ("pass_at_1", 0.6, 0.7, 0.05, 0.15)


@pytest.mark.parametrize(
    "improvement",
    [
        row("pass_at_1", 0.6, 0.65, -0.01, 0.11),
        row("pass_at_1", 0.6, 0.6, 0.0, 0.0),
        row("pass_at_1", 0.6, 0.5, -0.15, -0.05, "worse"),
        row("pass_at_1", None, 0.7, None, None),
        row("pass_at_1", 0.6, 0.7, None, None),
        None,
    ],
    ids=["unclear", "equal", "worse", "undefined", "without interval", "missing"],
)
def test_a_challenger_that_is_not_clearly_better_is_refused(improvement):
    decision = judge(improvement)
    assert not decision.passed
    assert decision.reason.startswith("pass_at_1: ")


def test_for_a_metric_where_less_is_better_an_interval_below_0_is_an_improvement():
    params = RegistryParams(metric="set_brier")
    assert judge(row("set_brier", 0.2, 0.1, -0.12, -0.08, "better"), params=params).passed
    assert not judge(row("set_brier", 0.1, 0.2, 0.08, 0.12, "worse"), params=params).passed


@pytest.mark.parametrize(
    ("metric", "champion", "within", "beyond"),
    [
        ("valid_rate", 0.99, 0.981, 0.979),
        ("ece_width", 0.05, 0.069, 0.071),
        ("tokens_per_question", 100.0, 109.0, 111.0),
    ],
)
def test_a_guarded_metric_may_be_worse_by_its_tolerance_and_no_more(metric, champion, within, beyond):
    assert judge(**{metric: row(metric, champion, within, None, None)}).passed
    refused = judge(**{metric: row(metric, champion, beyond, None, None)})
    assert not refused.passed
    assert refused.reason.startswith(f"{metric}: worse by ")


def test_a_guarded_metric_may_get_better_by_any_amount():
    assert judge(tokens_per_question=row("tokens_per_question", 100.0, 10.0, -95.0, -85.0, "better")).passed


def test_a_challenger_that_states_no_confidences_does_not_follow_one_that_does():
    refused = judge(ece_width=row("ece_width", 0.05, None, None, None))
    assert refused.reason == "ece_width: the challenger has no such figure"


def test_a_champion_without_confidences_holds_back_no_one_that_states_them():
    assert judge(ece_width=row("ece_width", None, 0.3, None, None)).passed


def test_a_barred_challenger_is_refused_however_good_it_is():
    decision = judge(barred="rolled back on 2026-01-01")
    assert not decision.passed
    assert decision.reason == "rolled back on 2026-01-01"


def test_every_failed_check_is_named():
    decision = judge(row("pass_at_1", 0.6, 0.6, 0.0, 0.0), valid_rate=row("valid_rate", 0.99, 0.5, -0.5, -0.4, "worse"))
    assert [reason.split(":")[0] for reason in decision.reason.split("; ")] == ["pass_at_1", "valid_rate"]


def test_a_decision_survives_being_written_down():
    decision = judge()
    assert Decision.from_json(decision.to_json()) == decision


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"metric": "coverge"}, "no metric 'coverge'"),
        ({"metric": "attainable_coverage"}, "describes the data"),
        ({"guards": {"speed": 1.0}}, "no metric 'speed'"),
        ({"guards": {"valid_rate": -0.1}}, "greater than or equal to 0"),
        ({"guards": {"valid_rate": "10 percent"}}, "match pattern"),
        ({"guards": {"valid_rate": float("inf")}}, "finite"),
    ],
)
def test_a_metric_or_tolerance_that_makes_no_sense_is_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        RegistryParams(**wrong)
