"""The served model: really started with `mlflow models serve`, and loaded in this process."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving_world import METHOD, make_champion, post, served

from setwise.ask import ask
from setwise.errors import InputError
from setwise.serving import ask_champion, load_champion

CLIENTS = 16
ROUNDS = 4


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """The workspace, its params and its test questions."""
    root = tmp_path_factory.mktemp("champion")
    return root, *make_champion(root)


@pytest.fixture(scope="module")
def questions(champion):
    return [example.question for example in champion[2]]


@pytest.fixture(scope="module")
def loaded(champion):
    return load_champion("clinic", champion[0])


@pytest.fixture(scope="module")
def url(champion, tmp_path_factory):
    with served(champion[0], tmp_path_factory.mktemp("elsewhere")) as address:
        yield address


def test_a_question_gets_answers_with_confidences_the_surest_first(url, questions):
    status, said = post(url, {"inputs": questions[:5]})
    assert status == 200
    assert len(said["predictions"]) == 5
    reply = next(reply for reply in said["predictions"] if reply["valid"])
    assert set(reply) <= {"answers", "valid", "reasoning"}
    assert [set(answer) for answer in reply["answers"]] == [{"text", "confidence"}] * 2
    stated = [answer["confidence"] for answer in reply["answers"]]
    assert stated == sorted(stated, reverse=True)


def test_the_command_and_the_server_give_the_same_reply(url, champion, questions):
    root, params, _ = champion
    for question in questions[:3]:
        reply = post(url, {"inputs": [question]})[1]["predictions"][0]
        assert ask_champion(question, "clinic", workspace=root).to_json() == reply
        local = ask(question, params, METHOD, models=root / "models").to_json()
        assert local == reply or not local["valid"], "the local model is asked once, the champion twice if need be"


def test_sixteen_clients_at_once_lose_nothing_and_get_their_own_answers(url, loaded, questions):
    asked = [
        {"inputs": [questions[n % len(questions)]], "params": {"temperature": 1.0, "seed": n}}
        for n in range(CLIENTS * ROUNDS)
    ]
    alone = [loaded.predict(one["inputs"], params=one["params"]) for one in asked]
    assert len({json.dumps(reply) for reply in alone}) > len(alone) / 2, "replies must differ, or a mix-up would hide"
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(clients.map(lambda one: post(url, one), asked))
    assert [status for status, _ in replies] == [200] * len(asked)
    assert [said["predictions"] for _, said in replies] == alone


def test_questions_of_one_request_are_answered_in_their_order(loaded, questions):
    together = loaded.predict(questions[:20])
    back = loaded.predict(questions[:20][::-1])
    assert [reply["answers"] for reply in together] == [reply["answers"] for reply in back[::-1]]


def test_a_question_that_cannot_be_put_does_not_spoil_the_others(url, questions):
    status, said = post(url, {"inputs": ["", questions[0], "fever " * 2000]})
    assert status == 200
    empty, sound, long = said["predictions"]
    assert (empty["valid"], empty["reason"]) == (False, "the question is empty")
    assert sound == post(url, {"inputs": [questions[0]]})[1]["predictions"][0]
    assert not long["valid"]
    assert long["reason"].startswith("the question is too long: ")


@pytest.mark.parametrize(
    "payload",
    [{"inputs": "one text"}, {"inputs": [1]}, {"inputs": [None]}, {"questions": ["a"]}, {}, {"inputs": [["a"]]}],
)
def test_what_is_no_list_of_questions_is_refused(url, payload):
    assert post(url, payload)[0] == 400


def test_a_completion_that_does_not_parse_is_said_so_and_tried_once_more_if_told_to(loaded, questions):
    hot = {"temperature": 2.0, "seed": 3}
    once = loaded.predict(questions, params={**hot, "retry": False})
    twice = loaded.predict(questions, params={**hot, "retry": True})
    failed = [i for i, reply in enumerate(once) if not reply["valid"]]
    assert failed, "at this temperature some completions are no sets"
    for i in failed:
        assert once[i]["answers"] == []
        assert once[i]["reason"].isidentifier()
        assert once[i]["completion"]
    assert sum(reply["valid"] for reply in twice) > sum(reply["valid"] for reply in once)
    for first, second in zip(once, twice, strict=True):
        assert second == first or not first["valid"], "a valid reply is not asked for again"


def test_one_seed_gives_the_same_draws_and_another_does_not(loaded, questions):
    first, again, other = (loaded.predict(questions, params={"temperature": 1.0, "seed": seed}) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_version_says_how_to_ask_it(loaded):
    signature = loaded.metadata.signature
    assert {param.name for param in signature.params.params} == {"temperature", "retry", "seed"}
    assert loaded.metadata.saved_input_example_info is not None
    assert "confidence" in str(signature.outputs)


def test_no_pickle_is_in_the_model(champion):
    packaged = [path for path in champion[0].glob("mlruns/artifacts/**/*") if path.is_file()]
    assert packaged
    assert not [path for path in packaged if path.suffix in (".pkl", ".pickle", ".bin", ".pt")]


def test_weights_that_are_not_the_registered_ones_are_refused(champion, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(champion[0], root)
    import mlflow

    packaged = next((root / "mlruns" / "artifacts").rglob("MLmodel")).parent
    weights = next(packaged.rglob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(InputError, match="damaged or exchanged"):
        mlflow.pyfunc.load_model(str(packaged))


def test_without_a_champion_the_command_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match=r"python -m flows\.promote"):
        ask_champion("fever?", "clinic", workspace=tmp_path)
