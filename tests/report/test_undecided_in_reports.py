"""Completions without a verdict: nothing in a report takes them for wrong, or trips over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_workspace import make_workspace

from setwise.domains.parquet import read_examples
from setwise.evaluation import Store
from setwise.evaluation.compare import equal_tokens
from setwise.evaluation.tally import Tally, tally
from setwise.matching import Gold, Matched, exact
from setwise.metrics.sets import Bools
from setwise.report import Results, read_results
from setwise.report.comparisons import Comparisons, stand_in_overconfidence, tokens_ratio, unique_ratio
from setwise.report.page import find, render_page
from setwise.report.plots import plots
from setwise.report.samples import sampled, worst

judged = exact.match_exact


def results_of(root: Path, monkeypatch: pytest.MonkeyPatch, unsure_of: str | None) -> Results:
    """Evaluations in which every set that holds the answer `unsure_of` is undecided; every set where it is None."""

    def match(sets: Sequence[tuple[str, ...]], golds: Sequence[Gold]) -> list[Matched]:
        found = zip(sets, judged(sets, golds), strict=True)
        undecided = ("exact_timed_out",)
        return [one._replace(faults=undecided if unsure_of in (None, *row) else ()) for row, one in found]

    monkeypatch.setattr(exact, "match_exact", match)
    params = make_workspace(root, n=16)
    reports = root / "reports"
    examples = read_examples(root / "data" / "clinic" / "test.parquet")
    places = reports / "evaluation", reports / "curves", reports / "validation.json", reports / "sweeps"
    return read_results(params, examples, *places)


def test_a_report_in_which_nothing_has_a_verdict_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = results_of(tmp_path, monkeypatch, None)
    page = render_page(find(results))
    assert "no verdict: exact timed out" in page
    assert "leave completions undecided" in page
    assert "rlvr_multi,1,,,," in plots(results)["answers.csv"]


def test_a_completion_without_a_verdict_is_shown_as_that_and_never_as_the_worst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = results_of(tmp_path, monkeypatch, "Torvitis")
    ill = [reply for _, of_one in worst(results) for shown in of_one for *_, found in shown.replies for reply in found]
    assert ill and not [reply for reply in ill if reply.reason.startswith("no verdict")]
    drawn = [reply for shown in sampled(results) for *_, found in shown.replies for reply in found]
    unsure = [reply for reply in drawn if "Torvitis" in reply.raw]
    assert {reply.reason for reply in unsure} == {"no verdict: exact timed out"}
    assert not [reply for reply in drawn if "Torvitis" in (answer.text for answer in reply.answers)]


def twice(found: Tally) -> Tally:
    """As if each question stood twice."""
    return replace(
        found,
        n_questions=2 * found.n_questions,
        curves=np.repeat(found.curves, 2, axis=0),
        judged=np.repeat(found.judged, 2),
    )


def half_judged(found: Tally) -> Tally:
    """As if no completion of every other question had a verdict."""
    known: Bools = np.arange(found.n_questions) % 2 == 0
    return replace(found, curves=found.curves * known[:, None, None], judged=known)


def test_questions_without_a_verdict_make_nothing_cheaper_or_poorer(results: Results) -> None:
    single, multi = results.many("rlvr_single"), results.many("rlvr_multi")
    whole, other = (tally(results.store(setup), results.examples) for setup in (single, multi))
    assert whole.judged.all() and other.judged.all()
    one, two = twice(whole), twice(other)
    assert equal_tokens(half_judged(one), two) == equal_tokens(whole, other)
    known = Comparisons(results, {single: one, multi: two})
    partly = Comparisons(results, {single: half_judged(one), multi: two})
    for ratio in (unique_ratio, tokens_ratio):
        of_all, of_half = ratio(known, multi, single, 3), ratio(partly, multi, single, 3)
        assert of_all is not None and of_half is not None
        assert of_half.value == pytest.approx(of_all.value)


def test_confidence_by_repeated_sampling_counts_what_has_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = results_of(tmp_path, monkeypatch, "Torvitis")
    setup = results.many("rlvr_single")
    found = stand_in_overconfidence(Comparisons(results), setup)
    rows = [row for table in Store(results.store(setup)).groups() for row in table.to_pylist()]
    unknown = {row["question_id"] for row in rows if "Torvitis" in row["answers"]}
    assert unknown and found is not None

    def without(store: Store) -> object:
        for table in groups(store):
            keep = [text != ["Torvitis"] for text in table.column("answers").to_pylist()]
            reasons = ["left out" if not kept else r for kept, r in zip(keep, table["reason"].to_pylist(), strict=True)]
            yield table.set_column(table.schema.get_field_index("reason"), "reason", [reasons])

    groups = Store.groups
    monkeypatch.setattr(Store, "groups", without)
    assert stand_in_overconfidence(Comparisons(results), setup) == found
