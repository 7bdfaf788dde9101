from dataclasses import replace

from setwise.report import Results
from setwise.report.comparisons import Comparisons, contests, gains
from setwise.report.page import Findings
from setwise.report.summary import listed, sentences


def test_the_winner_is_the_set_up_with_the_best_value(results: Results) -> None:
    for contest in contests(Comparisons(results)):
        values = {s: results.report(s)["metrics"][contest.metric]["value"] for s, _ in contest.rivals}
        lower = contest.metric in ("excess_confidence_brier", "tokens_per_correct")
        best = min(values.values()) if lower else max(values.values())
        assert contest.estimate["value"] <= best if lower else contest.estimate["value"] >= best, contest.metric


def test_confidences_are_judged_by_what_does_not_depend_on_how_many_answers_a_set_has(results: Results) -> None:
    def judged_by(results: Results) -> str:
        asked = contests(Comparisons(results))
        return next(contest.metric for contest in asked if "truthful" in contest.question)

    assert judged_by(results) == "excess_confidence_brier"


def test_a_difference_whose_interval_holds_zero_is_not_called_significant(results: Results) -> None:
    decided = set()
    for contest in contests(Comparisons(results)):
        for setup, row in contest.rivals:
            assert row.lo is not None and row.hi is not None
            apart = row.lo > 0 or row.hi < 0
            assert (setup in contest.beaten) == apart
            decided.add(apart)
    assert decided == {True, False}, "the world should have both sure and unsure differences"


def test_the_summary_says_who_wins_by_how_much_and_whether_that_is_sure(findings: Findings) -> None:
    first = findings.summary[0]
    assert first.subject == "rlvr_multi"
    assert first.text.startswith("most often has a right answer among 3: coverage@3 0.")
    assert "Significantly better than" in first.text and "Not significantly better than rlcr_multi (" in first.text
    assert first.kind == "open"


def test_each_method_is_compared_with_its_own_warm_start(results: Results) -> None:
    found = {(setup.method, row.metric) for setup, row in gains(Comparisons(results))}
    assert {("rlvr_single", "coverage_at_1"), ("rlcr_multi", "coverage_at_3"), ("rlcr_multi", "set_brier")} <= found


def test_few_questions_and_invalid_completions_are_warned_of(findings: Findings) -> None:
    warned = {sentence.subject for sentence in findings.summary if sentence.kind == "warning"}
    assert {"A small test split", "Invalid completions"} <= warned


def test_a_run_of_one_method_has_no_contest_and_still_a_summary(results: Results) -> None:
    alone = replace(results, params=results.params.model_copy(update={"methods": ("rlcr_multi",)}))
    comparisons = Comparisons(alone)
    assert contests(comparisons) == []
    assert sentences([], gains(comparisons), alone)[0].subject == "Training"


def test_where_nothing_is_right_nobody_is_said_to_win(results: Results) -> None:
    asked = contests(Comparisons(results))
    nothing = {"value": 0.0, "lo": 0.0, "hi": 0.0}
    wrong = [replace(c, estimate=nothing) if c.metric.startswith("co") else c for c in asked]
    said = sentences(wrong, [], results)
    assert (said[0].subject, said[0].kind) == ("No model", "warning")
    assert said[0].text.startswith("most often has a right answer among 3: coverage@3 is 0.000 ")
    assert [s.text for s in said if "right answer among" in s.text or "first answer" in s.text] == [said[0].text]
    assert any("most truthful confidences" in s.text for s in said)


def test_words_are_listed_with_and_before_the_last() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
