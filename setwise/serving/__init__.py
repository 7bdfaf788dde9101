"""Serving: a registered model as an MLflow `pyfunc`, by `mlflow models serve` and by `setwise ask --champion` alike."""

from setwise.serving.champion import ask_champion, load_champion, load_version
from setwise.serving.package import Defaults, package_model

__all__ = ["Defaults", "ask_champion", "load_champion", "load_version", "package_model"]
