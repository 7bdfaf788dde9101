"""The titles of a registered model, in a real MLflow database."""

import pytest
from mlflow import MlflowClient

from setwise.registry.gate import Decision
from setwise.registry.versions import get_aliased, promote
from setwise.tracking import CHALLENGER, CHAMPION

NAME = "setwise-clinic"


@pytest.fixture
def client(tmp_path):
    """A registry with two versions, the second registered as challenger."""
    made = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    made.create_registered_model(NAME)
    for _ in range(2):
        made.create_model_version(NAME, str(tmp_path))
    made.set_registered_model_alias(NAME, CHALLENGER, "2")
    return made


@pytest.mark.parametrize(("decided", "left"), [("1", "2"), ("2", None)])
def test_only_the_one_that_becomes_champion_is_challenger_no_more(client, decided, left):
    promote(client, NAME, Decision("passed", "first", decided, None, "q" * 64, 1))
    titles = [get_aliased(client, NAME, alias) for alias in (CHAMPION, CHALLENGER)]
    assert [version and str(version.version) for version in titles] == [decided, left]
