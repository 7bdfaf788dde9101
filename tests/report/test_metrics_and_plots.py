import csv
import io

from setwise.report import Results
from setwise.report.page import Findings, render_markdown
from setwise.report.plots import plots
from setwise.report.summary import headline
from setwise.report.tables import method_tables


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_metrics_are_those_of_the_evaluations(results: Results) -> None:
    found = headline(results)
    assert set(found) == {*results.methods, "rlvr_single/sample-3", "rlcr_single/sample-3"}
    entry = results.reports["rlcr_multi"]["one"]["metrics"]["set_brier"]
    assert found["rlcr_multi"]["set_brier"] == {part: entry[part] for part in ("value", "lo", "hi")}


def test_an_undefined_metric_is_left_out_of_the_metrics_file(results: Results) -> None:
    assert "set_brier" not in headline(results)["rlvr_multi"]


def test_the_training_plot_has_every_logged_step_of_every_method(results: Results) -> None:
    rows = read(plots(results)["training.csv"])
    for method, curve in results.curves.items():
        steps = [int(row["step"]) for row in rows if row["method"] == method]
        assert steps == [row["step"] for row in curve]


def test_the_answers_plot_is_the_curve_of_the_evaluation(results: Results) -> None:
    rows = [row for row in read(plots(results)["answers.csv"]) if row["method"] == "rlvr_multi"]
    curves = results.reports["rlvr_multi"]["curve"]["curves"]
    assert [float(row["correct"]) for row in rows] == [round(value, 6) for value in curves["correct"]["value"]]


def test_only_methods_that_state_confidences_have_reliability(results: Results) -> None:
    rows = read(plots(results)["reliability.csv"])
    assert {row["method"] for row in rows} == {"rlcr_single", "rlcr_multi"}


def test_every_metric_of_the_evaluation_has_its_place_in_the_full_table(results: Results) -> None:
    table = method_tables(results)[0]
    shown = sum(len(rows) for rows in table.groups.values())
    columns = [results.report(results.one(method))["metrics"] for method in results.methods]
    known = {n for c in columns for n, e in c.items() if e["value"] is not None and not n.endswith("_valid")}
    assert shown == len(known)


def test_only_the_best_of_a_row_is_marked(results: Results) -> None:
    rows = {row.metric.label: row for row in method_tables(results)[1].chief}
    marked = [cell.value for cell in rows["tokens per correct answer"].all if cell.best]
    assert marked == [min((c.value for c in rows["tokens per correct answer"].all), key=float)]


def test_the_short_form_is_markdown_with_summary_metrics_and_claims(findings: Findings) -> None:
    text = render_markdown(findings)
    assert text.startswith("# Sets of 3 answers on clinic\n")
    assert "| coverage@3 |" in text and "## Claims of the paper" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in lines} <= {6, 3}
