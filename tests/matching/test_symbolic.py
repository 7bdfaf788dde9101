"""Mathematical answers: equal if they are worth the same; what could not be decided is counted."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from setwise.answers import AnswerSet, Layout, Reason, render
from setwise.matching import Gold, judge
from setwise.matching.expressions import MAX_CHARACTERS, prepare
from setwise.matching.math_pool import MathPool, Verdict, math_pool
from setwise.matching.symbolic import VerdictMemo, compare, match_math


def key(gold: str, answer: str) -> str:
    return match_math([(answer,)], [Gold(((gold,),), "math")])[0].keys[0]


@pytest.mark.parametrize(
    ("gold", "answers"),
    [
        ("42", ["$42$", "\\boxed{42}", "$\\boxed{42}$.", "\\(42\\)", "42.0", "x = 42", "41+1", "4.2e1", "42 apples"]),
        ("0.5", ["1/2", "\\frac{1}{2}", "\\frac12", ".5", "50%", "50\\%", "½", "2^{-1}", "\\dfrac{2}{4}"]),
        ("x^2+1", ["1+x^2", "x²+1", "x**2 + 1", "(x+1)^2-2x", "x \\cdot x + 1"]),
        ("\\frac{\\sqrt{2}}{2}", ["1/sqrt(2)", "√2/2", "2^(-1/2)", "\\sin(\\pi/4)", "0.70710678"]),
        ("\\{1, 2\\}", ["1, 2", "2,1", "{2, 1}", "x=1 or x=2"]),
        ("1,234", ["1234", "1 234", "1\\,234", "1{,}234", "$1,234$"]),
        ("1\\frac{1}{2}", ["1 1/2", "1½", "1.5", "3/2"]),
        ("2\\pi", ["2π", "2 pi", "2*pi"]),
        ("10^10", ["10000000000", "10^{10}", "1e10"]),
        ("12", ["12 hours", "12\\text{ hours}"]),
        ("No solution", ["no solution", "\\text{No solution}", "no solution."]),
        ("-3", ["−3", "-3.0", "-\\frac{6}{2}"]),
        ("90^\\circ", ["90°", "90 degrees"]),
        ("2\\sin x", ["2 sin x", "2 sin(x)"]),
        ("2 \\pi r", ["2 pi r"]),
        ("3 xy", ["3xy", "3yx"]),
        ("3000000", ["3 million", "3,000 thousand", "3 million dollars", "3\\text{ million}"]),
        ("24", ["2 dozen", "24 people", "24 Hours", "24 cm"]),
        ("45\\%", ["45 percent", "45 per cent", "0.45"]),
        ("5\\text{ m}", ["5 m", "5 meters", "5 metres", "5"]),
        ("5 m", ["5m", "5 meters", "5\\text{ m}"]),
        ("10 s", ["10\\text{ s}", "10 seconds"]),
        ("5\\text{ N}", ["5 N", "5 newtons"]),
        ("5 m/s", ["5\\text{ m/s}", "5 meters per second"]),
        ("5\\text{ m}^2", ["5 square meters", "5 m^2"]),
        ("[0,100]", ["[0, 100]", "\\left[0,100\\right]"]),
        ("(2, 100)", ["(2,100)"]),
        ("(-1,100)", ["(-1, 100)"]),
        ("(x, 1, 100)", ["(x,1,100)"]),
        ("\\{1,100\\}", ["\\{1, 100\\}", "\\{100, 1\\}"]),
        ("1234+x", ["(1,234+x)", "1,234 + x"]),
        ("\\frac{1234}{5}", ["\\frac{1,234}{5}"]),
        ("\\emptyset", ["∅", "\\{\\}", "\\varnothing", "{}", "$\\{ \\}$"]),
        ("\\infty", ["∞", "inf"]),
        ("1.6\\times 10^{-19}", ["1.6e-19", "16\\times 10^{-20}"]),
        ("0.0000034", ["3.4e-6", "3.4\\cdot 10^{-6}"]),
        ("0", ["0.0", "-0", "x-x", "(x+1)^2-x^2-2x-1", "1/3+1/6-1/2"]),
    ],
)  # fmt: skip
def test_answers_worth_the_same_match(gold: str, answers: list[str]) -> None:
    assert {answer: key(gold, answer) for answer in answers} == dict.fromkeys(answers, "gold:0")


@pytest.mark.parametrize(
    ("gold", "answers"),
    [
        ("42", ["-42", "4 2", "42 or 43", "42, 43", "not 42", "24", "420", "42x", "4.2", "forty-two"]),
        ("0.5", ["5", "0.05", "50", "1/3", "-0.5", "2"]),
        ("even", ["neve", "odd", "e \\cdot v"]),
        ("1/3", ["0.33", "0.3334", "3"]),
        ("x^10", ["x^1 \\cdot 0", "x^{1}0", "0"]),
        ("1e-5", ["1e5", "e-5", "-5 + e"]),
        ("2 hours", ["2 minutes", "120"]),
        ("(1,2)", ["[1,2]", "(2,1)"]),
        ("x", ["y", "2x"]),
        ("2", ["2 sin x", "2 cos x", "2 ln x", "2 pi r", "2 thirds"]),
        ("x^2 log x", ["x^2"]),
        ("4 xy", ["4", "4x"]),
        ("3", ["3 million", "3\\text{ million}", "3 hundred dollars"]),
        ("1.5", ["1 1/2 million"]),
        ("5", ["5 squared", "5 factorial", "5\\text{ squared}", "5 m", "25", "120"]),
        ("42", ["42 is not the answer", "42 and forty three", "42 plus", "42 percent"]),
        ("5 MW", ["5 mW", "5 kW"]),
        ("5\\text{ m}", ["5\\text{ ms}", "5 ms", "5 s", "5\\text{ m}^2"]),
        ("42 apples", ["42 pears", "41 apples"]),
        ("6.63\\times 10^{-34}", ["1.6\\times 10^{-19}", "1.6e-19", "6.63e-33", "0"]),
        ("0.0000034", ["0.0000030", "0.000003", "0"]),
        ("0", ["0.0000001", "1e-7", "10^{-8}"]),
        ("10^{-7}x", ["10^{-8}x"]),
        ("(3,100)", ["3100", "3,100"]),
        ("(1,234)", ["1234"]),
        ("360", ["0,360", "(0,360)"]),
        ("∅", ["0", "🙂", "\\{0\\}"]),
        ("∞", ["-∞", "8"]),
    ],
)
def test_answers_worth_something_else_do_not(gold: str, answers: list[str]) -> None:
    assert not {answer for answer in answers if key(gold, answer) == "gold:0"}


def test_wrong_answers_worth_the_same_are_one_answer() -> None:
    for answers in [("\\frac{16}{2}", "8"), ("(x+1)^2", "x^2+2x+1"), ("42", "$42$"), ("5 cm", "5\\text{ cm}")]:
        found = judge(render(AnswerSet(answers), Layout(2)), Gold((("7",),), "math"), Layout(2))
        assert found.reason is Reason.DUPLICATE, answers


def test_right_answers_worth_the_same_are_one_answer() -> None:
    found = judge(render(AnswerSet(("42", "\\boxed{42}")), Layout(2)), Gold((("42",), ("7",)), "math"), Layout(2))
    assert (found.reason, found.hits) == (Reason.DUPLICATE, (0, 0))


def test_each_answer_finds_its_gold_answer() -> None:
    found = judge(render(AnswerSet(("0.25", "\\sqrt{4}")), Layout(2)), Gold((("2",), ("1/4",)), "math"), Layout(2))
    assert (found.keys, found.hits) == (("gold:1", "gold:0"), (1, 1))


@pytest.mark.parametrize(
    ("gold", "answers"),
    [
        ((("NYC", "New York"), ("Big Apple", "new york")), ("NYC", "Big Apple")),
        ((("7",), ("x", "(y+1)^2"), ("z", "y^2+2y+1")), ("z", "x")),
        ((("a", "1/2"), ("b", "0.25"), ("0.5", "\\frac14")), ("a", "b")),
    ],
)
def test_gold_answers_with_aliases_worth_the_same_are_one_answer(
    gold: tuple[tuple[str, ...], ...], answers: tuple[str, ...]
) -> None:
    found = judge(render(AnswerSet(answers), Layout(2)), Gold(gold, "math"), Layout(2))
    assert (found.reason, found.hits) == (Reason.DUPLICATE, (0, 0))
    assert judge(render(AnswerSet((answers[0], "none")), Layout(2)), Gold(gold, "math"), Layout(2)).hits == (1, 0)


def test_plain_numbers_and_equal_spellings_are_decided_without_algebra() -> None:
    assert compare(prepare("1/3"), prepare("\\frac{2}{6}")) is True
    assert compare(prepare("7"), prepare("8")) is False
    assert compare(prepare("0.5"), prepare("8")) is False
    assert compare(prepare("1/3"), prepare("0.333333")) is None
    assert compare(prepare("$x+1$"), prepare("x+1")) is True


class Counted:
    """A pool that keeps what it was asked and says that all is different."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def check(self, pairs: list[tuple[str, str]]) -> list[Verdict]:
        self.asked += pairs
        return [Verdict(f"math_{pair[0]}") if len(pair[0]) > 1 else Verdict.DIFFERENT for pair in pairs]


def test_a_pair_is_checked_once_however_many_completions_hold_it() -> None:
    memo, pool = VerdictMemo(size=2), Counted()
    for _ in range(3):
        memo.check([("a", "b"), ("a", "c"), ("a", "b")], pool)  # type: ignore[arg-type]
    assert pool.asked == [("a", "b"), ("a", "c")]
    memo.check([("a", "d")], pool)  # type: ignore[arg-type]
    memo.check([("a", "c"), ("a", "b")], pool)  # type: ignore[arg-type]
    assert pool.asked[2:] == [("a", "d"), ("a", "b")], "the pair not used for longest is forgotten"


@pytest.mark.parametrize(("fault", "asked"), [("crashed", 2), ("stalled", 2), ("timed_out", 1), ("error", 1)])
def test_what_a_machine_did_to_a_check_is_not_remembered(fault: str, asked: int) -> None:
    memo, pool = VerdictMemo(size=8), Counted()
    for _ in range(2):
        memo.check([(fault, "b")], pool)  # type: ignore[arg-type]
    assert len(pool.asked) == asked


@pytest.fixture(scope="module")
def pool() -> MathPool:
    return MathPool(workers=2, seconds=1.5)


HANGS = ("2^{100}", "9^{9^{9^9}}")


def test_a_check_that_hangs_is_killed_and_the_others_go_on(pool: MathPool) -> None:
    pairs = [("x+1", "1+x"), HANGS, ("x+2", "2+x"), ("x", "y"), HANGS, ("x+3", "3+x")]
    found = pool.check(pairs)
    timed_out = Verdict.TIMED_OUT
    assert found == [Verdict.EQUAL, timed_out, Verdict.EQUAL, Verdict.DIFFERENT, timed_out, Verdict.EQUAL]


def test_a_worker_that_is_killed_is_replaced_and_the_check_tried_again(pool: MathPool) -> None:
    assert pool.check([("x+1", "1+x")]) == [Verdict.EQUAL]
    for worker in pool._workers:
        if worker._process is not None:
            os.kill(worker._process.pid, signal.SIGKILL)
    assert pool.check([("x+1", "1+x"), ("x", "y")]) == [Verdict.EQUAL, Verdict.DIFFERENT]


def test_a_check_that_the_machine_stalls_is_not_timed_out() -> None:
    """A stopped worker takes no processor time: it may go on for a while, and is given up as stalled in the end."""
    pool = MathPool(workers=1, seconds=0.4)
    assert pool.check([("x+1", "1+x")]) == [Verdict.EQUAL]
    process = pool._workers[0]._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    resume = threading.Timer(1.5, os.kill, (process.pid, signal.SIGCONT))
    resume.start()
    assert pool.check([("x+2", "2+x")]) == [Verdict.EQUAL]
    os.kill(process.pid, signal.SIGSTOP)
    assert pool.check([("x+3", "3+x")]) == [Verdict.STALLED]
    assert pool.check([("x+3", "3+x")]) == [Verdict.EQUAL]
    pool.close()


def test_a_check_that_kills_every_worker_is_a_crash(pool: MathPool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def kill_when_asked() -> None:
        for _ in range(2):
            asked.wait(30)
            asked.clear()
            for worker in pool._workers:
                if worker._process is not None:
                    os.kill(worker._process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_when_asked)
    killer.start()
    worker = pool._workers[0]
    ask = worker._ask

    def signalled(request: str, seconds: float) -> dict[str, object]:
        asked.set()
        time.sleep(0.2)
        return ask(request, seconds)

    monkeypatch.setattr(worker, "_ask", signalled)
    assert worker.check("x+1", "1+x") is Verdict.CRASHED
    killer.join()


def test_checks_are_right_from_any_thread(pool: MathPool) -> None:
    pairs = [(f"x+{i}", f"{i}+x") if i % 2 else (f"x+{i}", f"{i}-x") for i in range(20)]
    with ThreadPoolExecutor(5) as executor:
        found = list(executor.map(lambda _: pool.check(pairs), range(5)))
    assert found == [[Verdict.EQUAL if i % 2 else Verdict.DIFFERENT for i in range(20)]] * 5


def test_a_forked_child_has_its_own_workers() -> None:
    assert math_pool().check([("x+1", "1+x")]) == [Verdict.EQUAL]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if math_pool().check([("x+1", "1+x")]) == [Verdict.EQUAL] else 2
            math_pool().close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert math_pool().check([("x+2", "2+x")]) == [Verdict.EQUAL]


TOWER, OTHER_TOWER = "9^{9^{9^{9}}}", "8^{9^{9^{9}}}"
"""Comparing them with each other, or with a number written as a power, runs out of time."""


def test_a_check_that_timed_out_leaves_its_set_undecided() -> None:
    gold = Gold((("2^{101}",),), "math")
    found = judge(render(AnswerSet((TOWER, "2^{101}")), Layout(2)), gold, Layout(2))
    assert (found.hits, found.faults, found.decided) == ((0, 1), ("math_timed_out",), False)


UNDECIDED = {
    "whether two wrong answers are the same": ((TOWER, OTHER_TOWER), (("none",),), 1),
    "whether the gold answers of two right ones are the same": ((TOWER, OTHER_TOWER), ((TOWER,), (OTHER_TOWER,)), 1),
    "a check on gold answers of which one is hit": ((TOWER, "none"), ((TOWER,), (OTHER_TOWER,)), 0),
    "a check on gold answers of which none is hit": (("none", "nothing"), ((TOWER,), (OTHER_TOWER,)), 0),
    "a check of one alias where another is equal": (("2^{101}", "1"), ((TOWER, "2^{101}"),), 1),
}


@pytest.mark.parametrize(("answers", "gold", "faults"), UNDECIDED.values(), ids=UNDECIDED.keys())
def test_a_set_is_undecided_only_by_what_its_hits_and_repeats_depend_on(
    answers: tuple[str, ...], gold: tuple[tuple[str, ...], ...], faults: int
) -> None:
    assert len(match_math([answers], [Gold(gold, "math")])[0].faults) == faults


def test_an_alias_that_matches_settles_an_answer_whatever_the_other_aliases_do() -> None:
    gold = Gold(((TOWER, "2^{101}"),), "math")
    found = judge(render(AnswerSet(("2^{101}",)), Layout()), gold, Layout())
    assert (found.hits, found.faults, found.decided) == ((1,), (), True)


def test_a_set_that_repeats_an_answer_is_invalid_whatever_else_is_undecided() -> None:
    gold = Gold((("2^{101}",),), "math")
    found = judge(render(AnswerSet((TOWER, "7", "7.0")), Layout(3)), gold, Layout(3))
    assert (found.reason, set(found.faults), found.decided) == (Reason.DUPLICATE, {"math_timed_out"}, True)


@pytest.mark.parametrize(
    "text", ["\\frac{", "$$$", "\\boxed{" * 50, "(" * 500, "\\x" * 100, "🙂", "; import os", "^" * 100, "\\text{" * 200]
)
def test_text_that_is_no_mathematics_is_judged_without_a_crash(text: str) -> None:
    assert judge(render(AnswerSet((text,)), Layout()), Gold((("1",),), "math"), Layout()).hits == (0,)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["\\boxed{", "$", "1 ", "\\text{", "^(", "sqrt(", "1 m ", "5 per ", "2 hundred ", "a1 "]
)
def test_a_long_answer_is_prepared_in_time_linear_in_its_length(unit: str) -> None:
    """Anything quadratic in half a megabyte takes hours."""
    assert prepare(unit * (2**18 // len(unit)) + "}" * 2**17).is_words
    assert prepare(unit * (MAX_CHARACTERS // len(unit))).latex
