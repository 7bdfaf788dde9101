"""The served model: really started with `mlflow models serve`, and loaded in this process."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from listening import addresses_of_port
from serving_world import METHOD, make_champion, post, served

from setwise.ask import ask
from setwise.errors import InputError
from setwise.serving import ask_champion, load_champion

CLIENTS = 16
ROUNDS = 4


TOKEN = "hf_planted0123456789"


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """The workspace, its params and its test questions; a token was in the environment while it was made."""
    root = tmp_path_factory.mktemp("champion")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_TOKEN", TOKEN)
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


def test_the_server_listens_on_localhost_unless_told_otherwise(url):
    assert addresses_of_port(int(url.rpartition(":")[2])) == {"127.0.0.1"}


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
    status, said = post(url, {"inputs": ["", questions[0], "fever " * 2000, "fever \ud800"]})
    assert status == 200
    empty, sound, long, no_text = said["predictions"]
    assert (no_text["valid"], no_text["reason"]) == (False, "the question is no valid text")
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


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": -5.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": "hot"},
        {"seed": -1},
        {"seed": 2**63 - 1},
        {"seed": 2**70},
        {"retry": "often"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_sampled_by_is_refused_without_a_traceback(url, questions, params):
    status, said = post(url, {"inputs": [questions[0]], "params": params})
    assert status == 400
    assert said["error_code"] == "INVALID_PARAMETER_VALUE"
    assert next(iter(params)) in said["message"]
    assert "Traceback" not in str(said)


def test_a_setting_that_is_null_is_the_registered_one(url, questions):
    nothing = {"temperature": None, "seed": None, "retry": None}
    asked = [post(url, {"inputs": questions[:3], "params": params}) for params in (nothing, {})]
    assert asked[0] == asked[1]
    assert asked[0][0] == 200


def test_a_completion_that_does_not_parse_is_said_so_and_tried_once_more_if_told_to(loaded, questions):
    def ask_all(temperature, retry):
        return loaded.predict(questions, params={"temperature": temperature, "seed": 3, "retry": retry})

    tried = ((t, ask_all(t, retry=False)) for t in (1.0, 1.2, 1.4, 1.6, 1.8))
    hot, once = next((t, replies) for t, replies in tried if 0.1 < share_valid(replies) < 0.9)
    twice = ask_all(hot, retry=True)
    failed = [reply for reply in once if not reply["valid"]]
    assert all(reply["answers"] == [] and reply["reason"].isidentifier() and reply["completion"] for reply in failed)
    assert share_valid(twice) > share_valid(once)
    for first, second in zip(once, twice, strict=True):
        assert second == first or not first["valid"], "a valid reply is not asked for again"


def share_valid(replies) -> float:
    return sum(reply["valid"] for reply in replies) / len(replies)


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


def test_no_secret_of_the_environment_is_kept_with_the_model(champion):
    files = [path for path in champion[0].rglob("*") if path.is_file()]
    assert any(path.name == "mlflow.db" for path in files)
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


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
