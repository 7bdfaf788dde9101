"""The automation that ends a run whose process is gone: it becomes Crashed when its heartbeats stop.

Prefect itself leaves such a run Running for ever, and with it the slot that the next run waits for.
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
NAME = "a lost run is Crashed"


def lost_run_automation(patience: timedelta) -> AutomationCore:
    """Return the automation: after a run's heartbeat, another one or any change of its state within ``patience``."""
    trigger = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},  # not the names of final states: ours have names of their own
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=patience,
    )
    message = f"no sign of life for {patience.total_seconds():.0f} s: its process or its machine is gone"
    return AutomationCore(
        name=NAME,
        description="Marks a run Crashed when its process no longer sends heartbeats; the next run then starts.",
        trigger=trigger,
        actions=[ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=message, force=False)],
    )


def watch_for_lost_runs(api_url: str, patience: timedelta = PATIENCE) -> None:
    """Have the server end lost runs; an automation of this name is brought up to date."""
    wanted = lost_run_automation(patience)
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        present = client.read_automations_by_name(NAME)
        if present:
            client.update_automation(present[0].id, wanted)
        else:
            client.create_automation(wanted)
