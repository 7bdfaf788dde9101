"""Nothing calls home: the environment variables that turn off telemetry in every library the pipeline uses."""

from __future__ import annotations

import os

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def turn_telemetry_off() -> None:
    """Set what is not set yet; must run before the libraries are imported."""
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
