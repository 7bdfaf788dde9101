"""A completed run of the deployment `rebuild` has `promote` run once; other runs do not."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

from flows.rebuild import DEPLOYMENT, rebuild


@pytest.fixture
def promote(prefect_server) -> Iterator[UUID]:
    """The deployment `promote`, which no worker serves."""
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow_from_name("promote"), "promote")
        yield deployment
        client.delete_deployment(deployment)


@pytest.fixture
def deployed(monkeypatch) -> None:
    """Runs are those of the deployment `rebuild`."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", DEPLOYMENT)


def ordered(promote: UUID) -> int:
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[promote])))
    return len(runs)


def test_each_completed_run_of_the_deployment_orders_one(project, promote, deployed):
    rebuild(str(project.root), return_state=True)
    assert ordered(promote) == 1
    rebuild(str(project.root), return_state=True)
    assert ordered(promote) == 2


def test_a_failed_run_orders_none(project, promote, deployed):
    project.in_every_stage("if name == 'report': sys.exit('error: no')")
    assert rebuild(str(project.root), return_state=True).is_failed()
    assert ordered(promote) == 0


def test_a_run_by_hand_orders_none(project, promote):
    assert rebuild(str(project.root), return_state=True).is_completed()
    assert ordered(promote) == 0


def test_a_server_without_the_deployment_is_told(project, prefect_server, deployed, caplog):
    assert rebuild(str(project.root), return_state=True).is_completed()
    assert "nothing is promoted: this server has no deployment promote/promote" in caplog.text
