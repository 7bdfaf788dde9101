"""Results by the columns that a domain reports by."""

from dataclasses import replace

import numpy as np
import pytest

from setwise.evaluation.tally import tally
from setwise.metrics.bootstrap import intervals
from setwise.metrics.estimates import with_interval
from setwise.report import Results
from setwise.report.page import find, render_page
from setwise.report.tables import group_columns, group_lists


@pytest.fixture(scope="module")
def grouped(results: Results) -> Results:
    """The run with a column of three values, one of one value, and one that tells every question apart."""
    examples = [replace(e, columns={"removed": i % 3, "same": 1, "row": i}) for i, e in enumerate(results.examples)]
    return replace(results, examples=examples)


def test_only_columns_that_part_the_questions_into_a_few_groups_are_reported_by(grouped: Results) -> None:
    groups = group_columns(grouped.examples)
    assert list(groups) == ["removed"]
    assert sorted(row for rows in groups["removed"].values() for row in rows) == list(range(len(grouped.examples)))


def test_a_column_that_some_questions_lack_is_left_out(results: Results) -> None:
    some = [replace(e, columns={"removed": i % 2} if i else {}) for i, e in enumerate(results.examples)]
    assert group_columns(some) == group_columns(some[::-1]) == {}


def test_the_groups_add_up_to_the_whole(grouped: Results) -> None:
    (grouping,) = group_lists(grouped)
    method = grouped.methods[0]
    path = grouped.evaluation / method / "one.parquet"
    sums = tally(path, grouped.examples)
    column = sums.metrics.index("pass_at_1")
    at = grouping.header.index(f"{method}: coverage")
    shares = [float(row[at].split()[0]) * int(row[1]) for row in grouping.rows]
    whole = sums.numerators[:, column].sum() / sums.denominators[:, column].sum()
    assert sum(int(row[1]) for row in grouping.rows) == len(grouped.examples)
    assert sum(shares) / len(grouped.examples) == pytest.approx(whole, abs=1e-3)


def test_intervals_are_those_of_the_bootstrap_with_the_resamples_and_seed_of_the_params(grouped: Results) -> None:
    method = grouped.methods[0]
    sums = tally(grouped.evaluation / method / "one.parquet", grouped.examples)
    column = sums.metrics.index("pass_at_1")
    rows = group_columns(grouped.examples)["removed"][0]
    parts = np.stack([sums.numerators[rows, column], sums.denominators[rows, column]], axis=1)
    for resamples, seed in ((20, 0), (20, 1), (300, 0)):
        evaluated = grouped.params.evaluate.model_copy(update={"resamples": resamples})
        params = grouped.params.model_copy(update={"evaluate": evaluated, "seed": seed})
        (grouping,) = group_lists(replace(grouped, params=params))
        found = intervals([parts], lambda drawn: drawn[0][:, :1] / drawn[0][:, 1:], resamples, seed)
        value = parts[:, 0].sum() / parts[:, 1].sum()
        shown = with_interval({"value": float(value), "lo": float(found.lo[0]), "hi": float(found.hi[0])})
        assert grouping.rows[0][grouping.header.index(f"{method}: coverage")] == shown


def test_the_page_shows_a_table_by_the_column(grouped: Results, page: str) -> None:
    assert "By removed" in render_page(find(grouped))
    assert "By removed" not in page
