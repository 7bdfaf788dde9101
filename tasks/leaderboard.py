"""The runs of one sweep, ranked by a metric that they logged to MLflow."""

from pathlib import Path

from setwise.leaderboard import Standing, rank, sweep_trials
from setwise.tracking_store import database_address, given_address


def tracking_uri(workspace: Path) -> str:
    """Return ``MLFLOW_TRACKING_URI``, else the workspace's MLflow database; good from any working directory."""
    return given_address() or database_address(workspace)


def create_database(workspace: Path) -> None:
    """Make sure MLflow's tables exist. Two processes that find none both create them, and one of them fails."""
    from mlflow import MlflowClient

    (workspace / "mlruns").mkdir(exist_ok=True)
    MlflowClient(tracking_uri(workspace)).search_experiments(max_results=1)


def leaderboard(workspace: Path, sweep_id: str, metric: str, lower_is_better: bool | None) -> list[Standing]:
    """Return what the sweep's runs that logged ``metric`` reached, best first, seeds taken together."""
    from mlflow import MlflowClient

    return rank(sweep_trials(MlflowClient(tracking_uri(workspace)), sweep_id, metric), metric, lower_is_better)
