"""What is registered: a version that answers, by the settings on its card."""

from pathlib import Path

import pytest
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model
from registry_world import METHOD, Skill, Workspace, make_workspace

from setwise.errors import InputError
from setwise.registry import register_challenger
from setwise.registry.versions import ROLLED_BACK, barred, get_aliased
from setwise.tracking import CHALLENGER, get_client
from tasks.registry import evaluated

NAME = "setwise-clinic"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose model is evaluated and not registered."""
    made = make_workspace(tmp_path, n_questions=20)
    made.contender(1, Skill())
    return made


def test_a_model_that_would_refuse_every_question_is_not_registered(workspace: Workspace) -> None:
    workspace.params["evaluate"]["max_completion_tokens"] = 250
    workspace.set()
    with pytest.raises(InputError, match=rf"{METHOD}: answers no test question \(the question is too long: .*; lower"):
        register_challenger(evaluated(workspace.root, workspace.loaded), workspace.root)
    assert get_aliased(get_client(workspace.root), NAME, CHALLENGER) is None


def register(workspace: Workspace) -> ModelVersion:
    return register_challenger(evaluated(workspace.root, workspace.loaded), workspace.root)


def served_temperature(version: ModelVersion) -> float:
    """What the packaged model samples at, whatever its card says."""
    return float(Model.load(version.source).flavors["python_function"]["config"]["sampling"]["temperature"])


def test_a_version_is_served_as_its_card_says_when_the_settings_have_changed(workspace: Workspace) -> None:
    first = register(workspace)
    assert register(workspace).version == first.version
    workspace.set(temperature=1.0, retry=False)
    second = register(workspace)
    client = get_client(workspace.root)
    assert second.version != first.version
    for version, temperature in ((second, 1.0), (client.get_model_version(NAME, first.version), 0.0)):
        assert served_temperature(version) == temperature
        assert version.tags["setwise.served_temperature"] == str(temperature)
    workspace.set(temperature=0.0, retry=True)
    assert register(workspace).version == first.version


def test_weights_that_were_rolled_back_stay_barred_with_other_settings(workspace: Workspace) -> None:
    first = register(workspace)
    get_client(workspace.root).set_model_version_tag(NAME, first.version, ROLLED_BACK, "today")
    workspace.set(temperature=1.0)
    second = register(workspace)
    assert second.version != first.version
    assert "rolled back on today" in str(barred(second))
