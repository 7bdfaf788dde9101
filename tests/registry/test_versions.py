"""What is registered: a version that answers, by the settings on its card."""

from pathlib import Path

import pytest
from registry_world import METHOD, Skill, Workspace, make_workspace

from setwise.errors import InputError
from setwise.registry import register_challenger
from setwise.registry.versions import get_aliased
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
