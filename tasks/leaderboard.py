"""The runs of one sweep, ranked by a metric that they logged to MLflow."""

import json
from dataclasses import dataclass
from pathlib import Path

from setwise.tracking_store import given_address


@dataclass(frozen=True)
class Standing:
    """One MLflow run of a sweep: its name, the params it varied (as JSON), its value of the ranking metric."""

    run_name: str
    run_id: str
    variant: str
    value: float

    def describe(self, metric: str) -> str:
        """One line for a log."""
        return f"{self.variant} {self.run_name}: {metric} {self.value:.4f}"

    def row(self, metric: str) -> dict[str, str]:
        """One row for a table: a column for each param that was varied."""
        varied = {name: str(value) for name, value in json.loads(self.variant).items()}
        return {**varied, "run": self.run_name, metric: f"{self.value:.4f}", "run id": self.run_id}


def tracking_uri(workspace: Path) -> str:
    """Return ``MLFLOW_TRACKING_URI``, else the workspace's MLflow database; good from any working directory."""
    return given_address() or f"sqlite:///{workspace / 'mlruns' / 'mlflow.db'}"


def create_database(workspace: Path) -> None:
    """Make sure MLflow's tables exist. Two processes that find none both create them, and one of them fails."""
    from mlflow import MlflowClient

    (workspace / "mlruns").mkdir(exist_ok=True)
    MlflowClient(tracking_uri(workspace)).search_experiments(max_results=1)


def leaderboard(workspace: Path, sweep_id: str, metric: str, lower_is_better: bool) -> list[Standing]:
    """Return the sweep's runs that logged ``metric``, best first; ties in the order they started."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(workspace))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`setwise.sweep` = '{sweep_id}'", order_by=["attributes.start_time"])
    standings = [
        Standing(run.info.run_name, run.info.run_id, run.data.tags["setwise.variant"], run.data.metrics[metric])
        for run in found
        if metric in run.data.metrics
    ]
    return sorted(standings, key=lambda standing: standing.value, reverse=not lower_is_better)
