"""Ask the champion: the registered model that `mlflow models serve` answers with, loaded in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.ask import Reply, check_question
from setwise.errors import InputError
from setwise.tracking import CHAMPION, get_client, model_name, said_in_one_line

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's error codes for a registered model or version, and for an alias, that is not there."""


def load_champion(domain: str, workspace: Path = Path()) -> PyFuncModel:
    """The champion of a domain; `predict(questions, params={"temperature": …, "retry": …, "seed": …})` asks it.

    Raises:
        InputError: there is no champion.
        TrackingError: the registry can't be reached.
    """
    return load_version(domain, f"@{CHAMPION}", workspace)


def load_version(domain: str, which: str, workspace: Path = Path()) -> PyFuncModel:
    """A registered model by `@alias` or `/version`.

    Raises:
        InputError: there is none.
        TrackingError: the registry can't be reached.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    name = model_name(domain)
    with said_in_one_line(files=False):
        get_client(workspace)
        try:
            mlflow.models.get_model_info(f"models:/{name}{which}")
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{name}{which}: not in the registry ({reason}); run `python -m flows.promote`") from error
        return mlflow.pyfunc.load_model(f"models:/{name}{which}")


def ask_champion(question: str, domain: str, temperature: float | None = None, workspace: Path = Path()) -> Reply:
    """Put one question to the champion; with `temperature` None it samples as it was registered to.

    Raises:
        InputError: the question is empty or no UTF-8, or there is no champion.
        TrackingError: the registry can't be reached.
    """
    check_question(question)
    params = {} if temperature is None else {"temperature": temperature}
    replies: Any = load_champion(domain, workspace).predict([question], params=params)
    return Reply.from_json(replies[0])
