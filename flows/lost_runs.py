"""The automations that end a run whose process is gone: it becomes Crashed when nothing is heard of it.

Prefect itself leaves such a run Running, or Pending if it never began, for ever, and with it the slot that the next run
waits for.
"""

from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.settings import PREFECT_API_URL, temporary_settings

PATIENCE = timedelta(seconds=180)
"""Six heartbeats (``PREFECT_FLOWS_HEARTBEAT_FREQUENCY`` in flows.environment and prefect.yaml)."""
PATIENCE_TO_BEGIN = timedelta(seconds=600)
"""For a worker to bring a run from Pending to Running, on a machine that is busy with others."""
LOST = "a lost run is Crashed"
NEVER_BEGAN = "a run that never began is Crashed"
OURS = "prefect.tag.setwise"
"""The tag of all deployments in prefect.yaml: what else a shared server runs may take longer to begin."""


def lost_run_automation(patience: timedelta) -> AutomationCore:
    """Return the automation: after a run's heartbeat, another one or any change of its state within ``patience``."""
    return _silence(
        LOST,
        "Marks a run Crashed when its process no longer sends heartbeats; the next run then starts.",
        after={"prefect.flow-run.heartbeat"},
        related=None,
        patience=patience,
        message="no sign of life for {:.0f} s: its process or its machine is gone",
    )


def never_began_automation(patience: timedelta) -> AutomationCore:
    """Return the automation: after a worker took a run of ours, its process is heard of within ``patience``."""
    return _silence(
        NEVER_BEGAN,
        "Marks a run Crashed when a worker took it and its process never began; the next run then starts.",
        after={f"prefect.flow-run.{state}" for state in ("Pending", "Submitting")},
        related=ResourceSpecification({"prefect.resource.id": OURS}),
        patience=patience,
        message="taken by a worker, and not begun in {:.0f} s: the worker is gone",
    )


def _silence(
    name: str,
    description: str,
    after: set[str],
    related: ResourceSpecification | None,
    patience: timedelta,
    message: str,
) -> AutomationCore:
    """Crash a run of which nothing is heard within ``patience`` after one of these events."""
    trigger = EventTrigger(
        after=after,
        expect={"prefect.flow-run.*"},  # not the names of final states: ours have names of their own
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        match_related=related or ResourceSpecification({}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=patience,
    )
    crash = ChangeFlowRunState(
        name="Crashed", state=StateType.CRASHED, message=message.format(patience.total_seconds()), force=False
    )
    return AutomationCore(name=name, description=description, trigger=trigger, actions=[crash])


def watch_for_lost_runs(
    api_url: str, patience: timedelta = PATIENCE, patience_to_begin: timedelta = PATIENCE_TO_BEGIN
) -> None:
    """Have the server end lost runs; automations of these names are brought up to date."""
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        for wanted in (lost_run_automation(patience), never_began_automation(patience_to_begin)):
            present = client.read_automations_by_name(wanted.name)
            if not present:
                client.create_automation(wanted)
            elif AutomationCore.model_validate(present[0], from_attributes=True) != wanted:
                client.update_automation(present[0].id, wanted)
