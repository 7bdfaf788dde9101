import pytest
from evaluation_world import make_examples, make_store

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.evaluation import Match, Protocol, compare, summarise
from setwise.evaluation.compare import equal_tokens, match_tallies
from setwise.evaluation.tally import tally

SETS = Protocol("one", Layout(k=3, confidences=True), generations=4)
SINGLE = Protocol("sample-12", Layout(k=1, confidences=True), generations=12, union=True)


@pytest.fixture(scope="module")
def examples():
    return make_examples(60)


@pytest.fixture(scope="module")
def sets(examples, tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("sets") / "sets.parquet", examples, SETS).path


@pytest.fixture(scope="module")
def others(examples, tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("others") / "others.parquet", examples, SETS, weights="other").path


@pytest.fixture(scope="module")
def single(examples, tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("single") / "single.parquet", examples, SINGLE).path


def tallies(sets, single, examples):
    return [tally(path, examples) for path in (sets, single)]


def test_an_evaluation_differs_from_itself_in_nothing(sets, examples):
    for row in compare(sets, sets, examples, n_resamples=200):
        assert row.difference in (0.0, None), row.metric
        assert row.verdict == "undecided", row.metric


def test_swapping_the_two_turns_every_difference_and_verdict_round(sets, others, examples):
    opposite = {"better": "worse", "worse": "better", "undecided": "undecided"}
    there, back = (compare(*pair, examples, n_resamples=300) for pair in ((sets, others), (others, sets)))
    for row, mirrored in zip(there, back, strict=True):
        if row.difference is not None:
            assert mirrored.difference == pytest.approx(-row.difference, abs=1e-12)
            assert mirrored.verdict == opposite[row.verdict]


def test_values_are_those_of_the_reports(sets, others, examples):
    reports = [summarise(path, examples, n_resamples=100)["metrics"] for path in (sets, others)]
    for row in compare(sets, others, examples, n_resamples=100):
        assert (row.a, row.b) == tuple(report[row.metric]["value"] for report in reports), row.metric


def test_sharing_the_questions_makes_the_interval_narrower_than_without(single, sets, examples):
    row = next(row for row in compare(sets, single, examples) if row.metric == "attainable_share")
    apart = [summarise(path, examples)["metrics"]["attainable_share"] for path in (sets, single)]
    unpaired = sum((entry["hi"] - entry["lo"]) ** 2 for entry in apart) ** 0.5
    assert row.hi - row.lo < unpaired


def test_fewer_tokens_and_more_coverage_are_better(sets, single, examples):
    rows = {row.metric: row for row in compare(sets, single, examples)}
    tokens = rows["tokens_per_question"]
    assert tokens.difference > 0
    assert tokens.verdict == "worse"
    coverage = rows["recall"]
    assert coverage.difference > 0
    assert coverage.verdict == "better"


def test_matched_answers_are_those_of_the_curves(sets, single, examples):
    rows = {row.metric: row for row in match_tallies(*tallies(sets, single, examples), Match(12, 12), n_resamples=100)}
    curves = [summarise(path, examples, n_resamples=100)["curves"] for path in (sets, single)]
    assert (rows["unique"].a, rows["unique"].b) == tuple(curve["unique"]["value"][11] for curve in curves)


def test_matched_tokens_never_cost_more_than_the_cheaper_one(sets, single, examples):
    sums = tallies(sets, single, examples)
    match = equal_tokens(*sums)
    rows = {row.metric: row for row in match_tallies(*sums, match, n_resamples=100)}
    assert match.a_answers == 12, "four sets are the cheaper evaluation and are used whole"
    assert rows["tokens"].b <= rows["tokens"].a
    following = Match(12, match.b_answers + 1)
    assert match_tallies(*sums, following, n_resamples=100)[3].b > rows["tokens"].a


def test_an_evaluation_of_other_questions_is_refused_by_name(sets, tmp_path):
    other = make_examples(60, seed=5)
    store = make_store(tmp_path / "elsewhere.parquet", other, SETS)
    with pytest.raises(InputError, match=r"sets\.parquet: holds 240 rows of 60 questions, 0 of them"):
        compare(store.path, sets, other)
