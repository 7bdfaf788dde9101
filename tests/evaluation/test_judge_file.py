"""`setwise judge FILE`: completions with their gold, of JSONL or Parquet; a mistake is one line that names it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluation_world import SeededEngine, make_completions, make_examples, make_key, make_store
from typer.testing import CliRunner

from setwise.answers import AnswerSet, Layout, render
from setwise.cli import app
from setwise.engines import Completion
from setwise.errors import InputError
from setwise.evaluation import Protocol, generate, gold_digest, judge, summarise
from setwise.evaluation.generate import completion_rows
from setwise.evaluation.given import judge_file
from setwise.evaluation.store import write_rows

ONE = Layout(k=1, confidences=True)


def said(answer, confidence=0.5, layout=ONE):
    return render(AnswerSet((answer,), (confidence,) if layout.confidences else None, "so"), layout)


def row(answer="Paris", **columns):
    return {"question": "capital of France?", "text": said(answer), "gold": [["Paris", "City of Light"]], **columns}


def write(path, *rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def judged(path, layout=ONE, union=False):
    return judge_file(path, layout, union, "test", None)


def value(report, name):
    return report["metrics"][name]["value"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_rows_of_either_format_are_judged_by_their_own_gold_and_matcher(suffix, tmp_path):
    lima = {"question": "capital of Peru?", "gold": [["Lima"]], "text": said("LIMA"), "match": "exact"}
    half = {"question": "one half?", "gold": [["0.5"]], "text": said("1/2"), "match": "math"}
    wrong = {"question": "largest city?", "gold": [["Tokyo"]], "text": said("Delhi"), "match": "text"}
    lost = {"question": "deepest lake?", "gold": [["Baikal"]], "text": "I don't know.", "match": "text"}
    report, notes = judged(write(tmp_path / f"a{suffix}", row("city of light", match="text"), lima, half, wrong, lost))
    assert notes == []
    assert (report["n_questions"], value(report, "coverage_at_1"), value(report, "valid_rate")) == (5, 0.6, 0.8)
    assert report["invalid"]["reasons"] == {"no_think": 1}


def test_a_file_judged_here_gives_what_the_same_completions_give_as_a_store(tmp_path):
    examples, layout = make_examples(30), Layout(k=3, confidences=True)
    key, questions = make_key(examples, Protocol("one", layout, generations=2)), [e.question for e in examples]
    said_so = generate(SeededEngine(layout), questions, questions, key, tmp_path / "said.parquet")
    rows = [
        {
            "question": example.question,
            "text": completion["text"],
            "gold": [list(aliases) for aliases in example.gold],
            "match": example.match,
            "exclusive": example.exclusive,
            "posterior": [{"answer": answer, "probability": p} for answer, p in example.posterior],
            "n_tokens": completion["n_tokens"],
            "finished": completion["finished"],
        }
        for index, example in enumerate(examples)
        for completion in said_so.read_question(index)
    ]
    report, _ = judged(write(tmp_path / "given.jsonl", *rows), layout)
    expected = summarise(judge(said_so.path, examples, tmp_path / "judged.parquet"), examples)
    for part in expected.keys() - {"key", "gold", "highlighted_pair"}:
        assert report[part] == expected[part], part


def test_samples_of_one_question_are_judged_as_one_set_where_told(tmp_path):
    path = write(tmp_path / "a.jsonl", row("Paris"), row("Lyon"), row("Paris"))
    apart, _ = judged(path)
    together, _ = judged(path, union=True)
    assert (apart["generations"], value(apart, "pass_at_1"), value(apart, "pass_at_2")) == (3, pytest.approx(2 / 3), 1)
    assert (together["answers"], value(together, "coverage_at_3"), value(together, "coverage_at_1")) == (3, 1.0, 1.0)


def test_tokens_that_nobody_counted_are_undefined_and_those_counted_are_not(tmp_path):
    without, _ = judged(write(tmp_path / "a.jsonl", row()))
    assert without["metrics"]["tokens_per_question"]["value"] is None
    assert "n_tokens" in without["metrics"]["tokens_per_question"]["reason"]
    counted, _ = judged(write(tmp_path / "b.jsonl", row(n_tokens=7)))
    assert value(counted, "tokens_per_question") == 7


def test_columns_that_mean_nothing_here_are_said_to_be_left_out(tmp_path):
    _, notes = judged(write(tmp_path / "a.jsonl", row(model="m"), row(score=1)))
    assert notes == [f"note: {tmp_path}/a.jsonl: columns that were not read: model, score"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"gold": None}, r"row 2: column 'gold': Field required"),
        ({"gold": []}, r"row 2: column 'gold': .*\(given: \[\]\)"),
        ({"gold": [["Paris", " "]]}, r"row 2: column 'gold' at 0\.1: an empty text"),
        ({"gold": [[]]}, r"row 2: column 'gold' at 0: "),
        ({"gold": "Paris"}, r"row 2: column 'gold': .*\(given: 'Paris'\)"),
        ({"text": 3}, r"row 2: column 'text': .*\(given: 3\)"),
        ({"match": "fuzzy"}, r"row 2: column 'match': .*\(given: 'fuzzy'\)"),
        ({"match": "code"}, r"row 2: column 'tests' is empty, and 'match' says code"),
        ({"n_tokens": -1}, r"row 2: column 'n_tokens': .*\(given: -1\)"),
        ({"n_tokens": 3}, r"row 1: column 'n_tokens' is missing, and other rows have it"),
        ({"finished": "yes"}, r"row 2: column 'finished': .*\(given: 'yes'\)"),
        ({"posterior": [{"answer": "a", "probability": 2.0}]}, r"row 2: column 'posterior' at 0\.probability: "),
        ({"gold": [["Lyon"]]}, r"row 2: column 'gold' differs from that of row 1, which has the same question"),
        ({"exclusive": True}, r"row 2: column 'exclusive' differs from that of row 1"),
        ({"question": "another?"}, None),
    ],
)
def test_a_mistake_names_the_file_the_row_the_column_and_the_remedy(second, message, tmp_path):
    path = write(tmp_path / "a.jsonl", row(), row(**second))
    if message is None:
        assert judged(path)[0]["n_questions"] == 2
        return
    with pytest.raises(InputError, match=rf"a\.jsonl {message}.*(mend|give)"):
        judged(path)


def test_a_file_without_a_column_names_it_and_those_that_are_there(tmp_path):
    with pytest.raises(InputError, match=r"a\.jsonl row 1: column 'gold' is missing \(there: text\)"):
        judged(write(tmp_path / "a.jsonl", {"text": "x"}))


def test_questions_with_other_numbers_of_completions_are_refused(tmp_path):
    other = row(question="another?")
    with pytest.raises(InputError, match=r"row 3: column 'question': 1 rows have this question, 2 that of row 1"):
        judged(write(tmp_path / "a.jsonl", row(), row(), other))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{", b'{"text": 1', b"[1]", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.txt"])
def test_a_damaged_file_is_one_line_that_names_it(content, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as raised:
        judged(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_the_command_keeps_verdicts_and_metrics_where_told(tmp_path):
    path, to = write(tmp_path / "a.jsonl", row("Paris", n_tokens=4), row("Lyon", n_tokens=4)), tmp_path / "out"
    result = CliRunner().invoke(app, ["judge", str(path), "--confidences", "--to", str(to), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads((to / "metrics.json").read_text()) == json.loads(result.stdout)
    assert [v["hits"] for v in pq.read_table(to / "verdicts.parquet").to_pylist()] == [[1], [0]]
    shown = CliRunner().invoke(app, ["judge", str(path), "--confidences"]).stdout
    assert "coverage_at_1" in shown and "0.5000" in shown


def test_stored_completions_are_judged_as_the_stage_that_generated_them_judged_before(tmp_path):
    """`judged_before.json` was written when one stage generated and judged: its texts, verdicts and metrics."""
    before = json.loads((Path(__file__).parent / "judged_before.json").read_text())
    examples = make_examples(6)
    key, questions = (
        make_key(examples, Protocol("one", Layout(k=3, confidences=True), 2)),
        [e.question for e in examples],
    )
    told = [Completion(r["text"], r["n_tokens"], r["finished"]) for r in before["rows"]]
    rows = completion_rows(questions, [told[i : i + 2] for i in range(0, len(told), 2)], key)
    write_rows(tmp_path / "said.parquet", key, [rows])
    verdicts = judge(tmp_path / "said.parquet", examples, tmp_path / "judged.parquet")
    assert [{n: r[n] for n in before["rows"][0]} for r in pq.read_table(verdicts).to_pylist()] == before["rows"]
    metrics = summarise(verdicts, examples, n_resamples=100)["metrics"]
    found = {name: [entry["value"], entry["lo"], entry["hi"]] for name, entry in metrics.items()}
    assert {n: [v and pytest.approx(v, abs=1e-9) for v in vs] for n, vs in before["metrics"].items()} == found


def test_a_changed_label_is_judged_anew_from_the_same_completions(tmp_path):
    examples = make_examples(20)
    store = make_store(tmp_path / "a.parquet", examples, Protocol("one", Layout(k=3, confidences=True)))
    relabelled = [e.__class__(**{**vars(e), "gold": (("nothing",),)}) for e in examples]
    with pytest.raises(InputError, match="judged by another gold, posterior or way to match"):
        summarise(store.path, relabelled)
    before = summarise(store.path, examples, n_resamples=100)
    after = summarise(judge(store.path, relabelled, tmp_path / "b.parquet"), relabelled, n_resamples=100)
    assert (after["key"], after["gold"]) == (before["key"], gold_digest(relabelled))
    assert value(before, "coverage_at_3") > value(after, "coverage_at_3") == 0.0


def test_completions_that_nobody_judged_are_refused_with_what_judges_them(tmp_path):
    examples = make_examples(5)
    store = make_completions(tmp_path / "a.parquet", examples, Protocol("one", Layout(k=3)))
    with pytest.raises(InputError, match=r"a\.parquet: holds completions that are not judged; judge them first"):
        summarise(store.path, examples)
