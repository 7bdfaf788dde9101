"""The parser: every layout it reads, and a named reason for everything else."""

from __future__ import annotations

import importlib
import re

import pytest

from setwise.answers import MAX_BYTES, AnswerSet, Layout, Reason, parse, read, read_batch

PARSER = importlib.import_module("setwise.answers.parse")
SINGLE = Layout()
SINGLE_Q = Layout(confidences=True)
THREE = Layout(k=3)
THREE_Q = Layout(k=3, confidences=True)
THREE_QA = Layout(k=3, confidences=True, analysis=True)
PAIRS = "".join(f"<answer{i}> a{i} </answer{i}> <confidence{i}> 0.{i} </confidence{i}> " for i in (1, 2, 3))
ANSWERS = "".join(f"<answer{i}>a{i}</answer{i}>" for i in (1, 2, 3))
CONFIDENCES = "".join(f"<confidence{i}>0.{i}</confidence{i}>" for i in (1, 2, 3))


def pairs(replace: str = "", by: str = "") -> str:
    """A valid three-pair completion with one text replaced."""
    text = f"<think> why </think> {PAIRS}"
    assert replace in text
    return text.replace(replace, by, 1)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("<think> why </think> <answer> a1 </answer>", SINGLE),
        ("<think>why</think><answer>a1</answer><confidence>.1</confidence>", SINGLE_Q),
        (f"<think> why </think>\n{ANSWERS}\n", THREE),
        (pairs(), THREE_Q),
        (f"\n <think>why</think>{ANSWERS}\n\n{CONFIDENCES}", THREE_Q),
    ],
)
def test_reads_every_layout(text: str, layout: Layout) -> None:
    answers = tuple(f"a{i + 1}" for i in range(layout.k))
    confidences = tuple((i + 1) / 10 for i in range(layout.k)) if layout.confidences else None
    assert parse(text, layout) == AnswerSet(answers, confidences, "why")


@pytest.mark.parametrize(
    "text",
    [
        f"<think>why</think>{ANSWERS}<analysis> so </analysis>{CONFIDENCES}",
        f"<think>why</think>{ANSWERS}{CONFIDENCES}<analysis>so</analysis>",
        f"<think>why</think>{PAIRS}<analysis>so</analysis>",
        pairs("<confidence1>", "<analysis>so</analysis><confidence1>"),
    ],
)
def test_reads_an_analysis_before_the_confidences_or_at_the_end_where_the_layout_has_one(text: str) -> None:
    found = parse(text, THREE_QA)
    assert isinstance(found, AnswerSet)
    assert (found.analysis, found.confidences) == ("so", (0.1, 0.2, 0.3))
    assert parse(text, THREE_Q) is Reason.EXTRA


def test_reads_a_set_without_the_optional_analysis() -> None:
    assert parse(pairs(), THREE_QA) == parse(pairs(), THREE_Q)


def test_an_analysis_elsewhere_is_out_of_order() -> None:
    assert parse(pairs("<answer1>", "<analysis>so</analysis><answer1>"), THREE_QA) is Reason.UNORDERED
    assert parse(pairs("<answer3>", "<analysis>so</analysis><answer3>"), THREE_QA) is Reason.UNORDERED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, Reason.NOT_TEXT),
        (b"<think></think>", Reason.NOT_TEXT),
        (3.5, Reason.NOT_TEXT),
        ("", Reason.EMPTY),
        (" \n\t\u3000", Reason.EMPTY),
        ("<think> cut off", Reason.UNCLOSED),
        ("<think> why </think>", Reason.MISSING),
        ("no tags at all", Reason.NO_THINK),
        (PAIRS, Reason.NO_THINK),
        ("Sure! " + pairs(), Reason.NO_THINK),
        (f"{PAIRS}<think> after the answers </think>", Reason.NO_THINK),
        (pairs("<answer1> a1 </answer1> <confidence1> 0.1 </confidence1>", ""), Reason.MISSING),
        (pairs("<confidence2> 0.2 </confidence2>", ""), Reason.MISSING),
        (pairs() + "<answer4> x </answer4>", Reason.EXTRA),
        (pairs() + "<answer4> x </answer4> <confidence4> 0 </confidence4>", Reason.EXTRA),
        (pairs() + "<answer200000> x </answer200000>", Reason.EXTRA),
        (pairs() + "<answer> x </answer>", Reason.EXTRA),
        (pairs().replace("answer2", "answer02"), Reason.EXTRA),
        (pairs() + "<answer3> x </answer3>", Reason.REPEATED),
        (pairs().replace("</think>", "</think><think> more </think>"), Reason.REPEATED),
        (f"<think></think>{CONFIDENCES}{ANSWERS}", Reason.UNORDERED),
        (pairs().replace("answer1", "answerX").replace("answer2", "answer1").replace("X", "2"), Reason.UNORDERED),
        (pairs("</answer1>", ""), Reason.UNCLOSED),
        (pairs("</confidence3>", ""), Reason.UNCLOSED),
        (pairs(" a1 ", " a <answer2> b </answer2> "), Reason.NESTED),
        (pairs(" a1 ", " </think> "), Reason.NESTED),
        (pairs(" a1 ", " <answer200000> "), Reason.NESTED),
        (pairs(" 0.1 ", " <confidence> 0.1 </confidence> "), Reason.NESTED),
        (pairs("<answer2>", "and <answer2>"), Reason.STRAY_TEXT),
        (pairs() + "that is all", Reason.STRAY_TEXT),
        (pairs() + "</answer3>", Reason.STRAY_TEXT),
        (pairs("</think>", "</think></think>"), Reason.STRAY_TEXT),
        (pairs("<answer1>", "<Answer1>"), Reason.STRAY_TEXT),
        (pairs("<answer1>", "<answer 1>"), Reason.STRAY_TEXT),
        (pairs("<answer1>", "<answer1 sure>"), Reason.STRAY_TEXT),
        (pairs() + "<|im_end|>", Reason.STRAY_TEXT),
        (pairs(" a2 ", ""), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", " \n "), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", " \u200b\ufeff "), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", "\x00\x1b"), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", " \u200b\ufe0f\u034f\U000e0100 "), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", "\u3164\u115f\u2800"), Reason.EMPTY_ANSWER),
        (pairs(" a2 ", "\u202e\u2066\u2069"), Reason.EMPTY_ANSWER),
        (pairs("<answer2>", "<answer2\u200b>"), Reason.STRAY_TEXT),
        (pairs("</answer2>", "</\u200banswer2>"), Reason.UNCLOSED),
        (pairs("<answer2>", "\u200b<answer2>"), Reason.STRAY_TEXT),
        ("\ufeff" + pairs(), Reason.NO_THINK),
        (pairs(" a2 ", "\ud800"), Reason.NOT_UTF8),
        (pairs(" why ", " caf\ufffd "), Reason.NOT_UTF8),
        (pairs(" why ", " why " * 200_000), Reason.TOO_LONG),
        (pairs(" why ", "\U0001f600" * (MAX_BYTES // 4)), Reason.TOO_LONG),
    ],
)
def test_names_what_is_wrong(text: object, reason: Reason) -> None:
    assert parse(text, THREE_Q) is reason


@pytest.mark.parametrize("stated", ["0", "1", "0.5", ".5", "0.00", "1.000", "0.12345678901234567890", "\n0.7 "])
def test_reads_a_plain_decimal_as_confidence(stated: str) -> None:
    found = parse(pairs(" 0.1 ", stated), THREE_Q)
    assert isinstance(found, AnswerSet)
    assert found.confidences == (float(stated), 0.2, 0.3)


NOT_CONFIDENCES = (
    "1.5|1.0001|2|-0.1|-0|+0.5|1%|50%|50|0.|1.|.|00.5|01|0,5|1/2|1e-3|0x1|nan|inf|about 3 of 4|0.5 or so|0.5 0.6|~0.5"
    "|0.\u200b5|\u200b0.5|0.5\u200f|\u202d0.5\u202c|\ufeff0.5|0.5\ufe0f|0\u2024\u0035|٠.٥|０.５|½|0 .5|0_1|"
)


@pytest.mark.parametrize("stated", NOT_CONFIDENCES.split("|"))
def test_refuses_any_other_confidence_instead_of_guessing(stated: str) -> None:
    assert parse(pairs(" 0.1 ", f" {stated} "), THREE_Q) is Reason.BAD_CONFIDENCE


def test_a_confidence_where_none_is_asked_for_is_extra() -> None:
    assert parse(pairs(), THREE) is Reason.EXTRA


def test_tags_inside_the_reasoning_do_not_count() -> None:
    found = parse(pairs(" why ", f" <think> maybe {PAIRS} <answer200000> <answer1> "), THREE_Q)
    assert isinstance(found, AnswerSet)
    assert found.answers == ("a1", "a2", "a3")
    assert parse(f"<think> {PAIRS} </think>", THREE_Q) is Reason.MISSING


def test_an_answer_may_hold_angle_brackets_that_are_no_tags() -> None:
    found = parse(pairs(" a1 ", " vector<int> x; if (a < b) </div> <answers> "), THREE_Q)
    assert isinstance(found, AnswerSet)
    assert found.answers[0] == "vector<int> x; if (a < b) </div> <answers>"


def test_spans_are_the_blocks_in_the_text() -> None:
    for text in (pairs(), f"<think>why</think>{ANSWERS} {CONFIDENCES}"):
        found = parse(text, THREE_Q)
        assert isinstance(found, AnswerSet) and found.spans is not None
        assert text[slice(*found.spans.think)].replace(" ", "") == "<think>why</think>"
        for i, (answer, confidence) in enumerate(zip(found.spans.answers, found.spans.confidences, strict=True), 1):
            assert text[slice(*answer)].replace(" ", "") == f"<answer{i}>a{i}</answer{i}>"
            assert text[slice(*confidence)].replace(" ", "") == f"<confidence{i}>0.{i}</confidence{i}>"
    single = parse("<think></think> <answer>x</answer>", SINGLE)
    assert isinstance(single, AnswerSet) and single.spans is not None
    assert (single.spans.answers, single.spans.confidences) == (((16, 34),), ())


def test_what_was_read_of_an_invalid_text_is_kept_for_display() -> None:
    found = read(pairs("<answer3> a3 </answer3>", "oh"), THREE_Q)
    assert found.reason is Reason.STRAY_TEXT
    assert (found.answers, found.reasoning) == (("a1", "a2"), "why")
    found = read(pairs("0.1", "high"), THREE_Q)
    assert found.reason is Reason.BAD_CONFIDENCE
    assert (found.answers, found.confidences) == (("a1", "a2", "a3"), None)


@pytest.mark.parametrize("layout", [THREE_Q, THREE])
def test_the_pattern_for_plain_sets_reads_what_the_reading_in_full_reads(layout: Layout) -> None:
    texts = [pairs(), pairs(" a1 ", " \u200b "), f"<think></think>{PAIRS}", " " + pairs(" why ", "<answer1>")]
    if not layout.confidences:
        texts = [re.sub("<confidence.*?</confidence.>", "", text) for text in texts]
    plain = PARSER._plain_pattern(layout, True)
    slowly = [PARSER._read_any(text, layout) for text in texts]
    assert [PARSER._read_plain(text, plain, True) for text in texts] == slowly
    bare = [reading._replace(reasoning="", blocks=()) for reading in slowly]
    assert read_batch(texts, layout, full=False) == bare


HOSTILE = {
    "open brackets": "<think></think><answer1>" + "<" * MAX_BYTES,
    "half tags": "<think></think><answer1>" + "<answer" * (MAX_BYTES // 8) + "</answer1>",
    "half tags with digits": "<think></think><answer1>" + "<answer11111" * (MAX_BYTES // 13) + "</answer1>",
    "unclosed thinks": "<think>" * (MAX_BYTES // 8),
    "many answers": "<think></think>" + "<answer1>x</answer1>" * (MAX_BYTES // 21),
    "a long number": "<think></think><answer" + "1" * (MAX_BYTES - 40) + ">",
    "a long confidence": "<think></think><answer>x</answer><confidence>0." + "1" * (MAX_BYTES - 100) + "</confidence>",
    "spaces": " " * (MAX_BYTES - 10) + "x",
    "spaces between blocks": "<think></think>" + " " * (MAX_BYTES - 40) + "x",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_without_looking_at_it_twice(name: str) -> None:
    """The longest texts that are read at all. Anything quadratic in them takes hours, not seconds."""
    assert isinstance(parse(HOSTILE[name], SINGLE_Q), Reason)


def test_reading_stops_at_the_first_block_too_many() -> None:
    blocks, reason = PARSER._read_blocks(HOSTILE["many answers"], limit=4)
    assert (len(blocks), reason) == (4, Reason.EXTRA)
