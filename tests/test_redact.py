"""What would give a secret away is out of a text, and nothing else is."""

import logging

import pytest

from setwise.errors import InputError
from setwise.redact import Redacting, holds_secret, redact

ADDRESSES = {
    "http://user:planted@host:80/path": "http://***@host:80/path",
    "https://planted@host/x.git": "https://***@host/x.git",
    "see 'https://user:pl@nted@host/x', it said": "see 'https://***@host/x', it said",
    "postgresql+psycopg2://me:planted@host/db": "postgresql+psycopg2://me:***@host/db",
    "ssh://me:planted@host": "ssh://me:***@host",
    "https://host/v1?api-key=planted&x=1": "https://host/v1?api-key=***&x=1",
    "https://host/blob?sv=1&sig=planted": "https://host/blob?sv=1&sig=***",
}
RANDOM = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
KEYS = {
    f"hf_{RANDOM}": "hf_***",
    f"sk-{RANDOM}": "sk-***",
    f"sk-proj-x-{RANDOM}_tail-1": "sk-***",
    f"sk-or-v1-{RANDOM.lower()}": "sk-***",
    f"ghp_{RANDOM}": "ghp_***",
    f"gho_{RANDOM}": "gho_***",
    f"github_pat_{RANDOM}_{RANDOM}": "github_pat_***",
    "AKIAIOSFODNN7EXAMPLE": "AKIA***",
    f"xoxb-123456789012-{RANDOM}": "xoxb-***",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{RANDOM}": "eyJ***",
}
HARMLESS = (
    "hf_hub_download",
    "hf_internal_testing/tiny_random_model_of_many_words",
    "scikit/sk-learn-documentation-of-many-words-2024",
    "models/sk-news-classifier-large-2024",
    f"a-task-{RANDOM}",
    "ghp_short",
    "AKIA",
    "xoxo-love",
    "eyJust.a.name",
    RANDOM,
    "http://127.0.0.1:5000",
    "https://example.org/a@b",
    "ssh://git@host/repository",
    "git@host:repository.git",
    "sqlite:///mlruns/mlflow.db",
    "s3://bucket/key=1",
    "write to a@b.org",
    "train@rlcr_multi: step 3 of 5",
    "a question? key=value",
)


@pytest.mark.parametrize("text", ADDRESSES)
def test_passwords_and_keys_are_out_of_addresses(text: str) -> None:
    assert redact(text) == ADDRESSES[text]
    assert holds_secret(text)
    assert not holds_secret(ADDRESSES[text])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("sentence", ["{}", "the model '{}' is not there", "models/{}/x", "token={}, and so on"])
def test_keys_are_known_by_their_form(key: str, sentence: str) -> None:
    assert redact(sentence.format(key)) == sentence.format(KEYS[key])
    assert holds_secret(sentence.format(key))


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "MLFLOW_TRACKING_PASSWORD", "my_password"]
)
def test_what_the_environment_holds_as_a_secret_is_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "planted/+secret")
    assert redact("got planted/+secret.") == "got ***."


def test_short_values_and_other_variables_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "false")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "sometimes")
    assert redact("false, sometimes") == "false, sometimes"


def test_an_error_for_the_user_and_a_line_of_a_log_hold_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    assert str(InputError("model: hf_planted is no model; use another")) == "model: *** is no model; use another"
    caplog.handler.addFilter(Redacting())
    logging.getLogger("any").warning("%s of %d", "hf_planted", 2)
    assert caplog.messages == ["*** of 2"]


def test_an_error_for_the_user_can_be_written_down_whatever_it_names() -> None:
    said = str(InputError("raw/r\udce9ponse.csv: column '\ud800' is missing;\nmend the row"))
    assert said == r"raw/r\udce9ponse.csv: column '\ud800' is missing; mend the row"
    said.encode("utf-8")
