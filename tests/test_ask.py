"""How questions are put and replies are read, with an engine whose completions are written out here."""

import pytest

from setwise.ask import Asking, Reply, answer
from setwise.domains import get_domain, list_domains
from setwise.engines import Completion
from setwise.matching import MATCHERS

ASKING = Asking("rlcr_multi", 2, "", "exact", max_tokens=10, context=40)
GOOD = "<think> so </think> <answer1> flu </answer1> <confidence1> 0.2 </confidence1> "
GOOD += "<answer2> asthma </answer2> <confidence2> 0.7 </confidence2>"
SAME = GOOD.replace("asthma", "Flu")
BAD = "no tags at all"


class Words:
    """A tokenizer that counts words."""

    chat_template = None

    def __call__(self, text, add_special_tokens):
        return {"input_ids": text.split()}


class Script:
    """Gives the next of some completions to each prompt; notes what it was asked."""

    name, device, tokenizer = "script", "cpu", Words()

    def __init__(self, *completions):
        self.completions = list(completions)
        self.asked = []

    def generate(self, prompts, sampling):
        for prompt in prompts:
            self.asked.append((prompt.splitlines()[0], sampling.temperature, sampling.seed))
            yield [Completion(self.completions.pop(0), 5, True)]


def test_answers_come_with_the_surest_first():
    (reply,) = answer(["q"], Script(GOOD), ASKING)
    assert reply.answers == (("asthma", 0.7), ("flu", 0.2))
    assert reply.to_json() == {
        "answers": [{"text": "asthma", "confidence": 0.7}, {"text": "flu", "confidence": 0.2}],
        "valid": True,
        "reasoning": "so",
    }


def test_a_question_that_the_chat_template_loses_does_not_spoil_the_others():
    class Losing(Words):
        """Its chat template leaves out the question that says so."""

        chat_template = "set"

        def apply_chat_template(self, messages, **options):
            return "".join(m["content"].replace("lose me", "") for m in messages)

    engine = Script(GOOD)
    engine.tokenizer = Losing()
    first, second = answer(["please lose me", "q"], engine, Asking("rlcr_multi", 2, "", "exact", 10))
    assert first.reason.startswith("the question does not come through the model's chat template: ")
    assert second.reason is None


def test_a_completion_that_does_not_parse_has_a_reason_and_no_answers():
    (reply,) = answer(["q"], Script(BAD), ASKING)
    assert reply.to_json() == {"answers": [], "valid": False, "reason": "no_think", "completion": BAD}


def test_a_set_that_repeats_an_answer_is_not_valid():
    (reply,) = answer(["q"], Script(SAME), ASKING)
    assert reply.reason == "duplicate"


def test_equal_programs_are_repeated_answers_and_nothing_is_run():
    programs = GOOD.replace("flu", "def f(x): return x").replace("asthma", "def f(y): return y  # same")
    asking = Asking("rlcr_multi", 2, "", "code", max_tokens=10)
    assert answer(["q"], Script(programs), asking)[0].reason == "duplicate"
    other = programs.replace("return y", "return y + 1")
    assert answer(["q"], Script(other), asking)[0].reason is None


def test_only_what_failed_is_asked_again_and_sampled():
    engine = Script(GOOD, BAD, GOOD)
    replies = answer(["one", "two"], engine, ASKING, retry=True, seed=5)
    assert [reply.reason for reply in replies] == [None, None]
    assert engine.asked == [("one", 0.0, 5), ("two", 0.0, 5), ("two", 1.0, 6)]


def test_a_question_is_asked_twice_at_most_and_the_first_reply_stands():
    engine = Script(SAME, BAD)
    (reply,) = answer(["one"], engine, ASKING, retry=True)
    assert reply.reason == "duplicate"
    assert len(engine.asked) == 2


def test_without_retry_a_question_is_asked_once():
    engine = Script(BAD)
    assert answer(["one"], engine, ASKING)[0].reason == "no_think"
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("", "the question is empty"),
        (" \n", "the question is empty"),
        ("fever \ud800", "the question is no valid text"),
        ("word " * 50, "the question is too long: 5"),
    ],
)
def test_a_question_that_cannot_be_put_costs_no_generation(question, reason):
    engine = Script(GOOD)
    bad, good = answer([question, "q"], engine, ASKING)
    assert bad.reason.startswith(reason)
    assert good.reason is None
    assert [asked for asked, *_ in engine.asked] == ["q"]


def test_no_questions_have_no_replies():
    assert answer([], Script(), ASKING) == []


@pytest.mark.parametrize("completion", [GOOD, BAD])
def test_a_reply_survives_being_sent(completion):
    (reply,) = answer(["q"], Script(completion), ASKING)
    assert Reply.from_json(reply.to_json()).to_json() == reply.to_json()


@pytest.mark.parametrize("name", list_domains())
def test_every_domain_names_a_matcher_that_there_is(name):
    assert get_domain(name).match in MATCHERS
