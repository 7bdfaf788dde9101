import pytest

from setwise.answers import Layout
from setwise.errors import InputError
from setwise.evaluation import get_protocol
from setwise.methods import get_method


def test_repeated_sampling_judges_the_union_of_single_answers():
    protocol = get_protocol("sample-30", get_method("rlcr_single"), k=3)
    assert (protocol.layout, protocol.generations, protocol.union) == (Layout(k=1, confidences=True), 30, True)
    assert protocol.answers == 30


def test_a_prompted_single_answer_model_is_asked_for_a_set():
    protocol = get_protocol("prompted", get_method("rlvr_single"), k=3)
    assert (protocol.layout, protocol.union) == (Layout(k=3, confidences=False), False)


@pytest.mark.parametrize("name", ["one", "warmstart", "base"])
def test_a_set_model_is_judged_by_each_generation(name):
    protocol = get_protocol(name, get_method("rlcr_multi"), k=4, generations=8)
    assert (protocol.layout, protocol.generations, protocol.answers) == (Layout(k=4, confidences=True), 8, 4)


@pytest.mark.parametrize(
    ("name", "method", "message"),
    [
        ("sample-31", "rlvr_single", "at most 30 samples"),
        ("sample-3", "rlvr_multi", "use protocol one with several generations"),
        ("prompted", "rlcr_multi", "is trained to give sets"),
        ("sample-0", "rlvr_single", "unknown protocol 'sample-0'"),
        ("greedy", "rlvr_single", "unknown protocol 'greedy'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(name, method, message):
    with pytest.raises(InputError, match=message):
        get_protocol(name, get_method(method), k=3)
