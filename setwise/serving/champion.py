"""Ask the champion: the registered model that `mlflow models serve` answers with, loaded in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.ask import Reply, check_question
from setwise.errors import InputError
from setwise.tracking import CHAMPION, get_client, model_name

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


def load_champion(domain: str, workspace: Path = Path()) -> PyFuncModel:
    """The champion of a domain; `predict(questions, params={"temperature": …, "retry": …, "seed": …})` asks it.

    Raises:
        InputError: there is no champion.
    """
    return load_version(domain, f"@{CHAMPION}", workspace)


def load_version(domain: str, which: str, workspace: Path = Path()) -> PyFuncModel:
    """A registered model by `@alias` or `/version`.

    Raises:
        InputError: there is none.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    get_client(workspace)
    name = model_name(domain)
    try:
        mlflow.models.get_model_info(f"models:/{name}{which}")
    except MlflowException as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{name}{which}: not in the registry ({reason}); run `python -m flows.promote`") from error
    return mlflow.pyfunc.load_model(f"models:/{name}{which}")


def ask_champion(question: str, domain: str, temperature: float | None = None, workspace: Path = Path()) -> Reply:
    """Put one question to the champion; with `temperature` None it samples as it was registered to.

    Raises:
        InputError: the question is empty or no UTF-8, or there is no champion.
    """
    check_question(question)
    params = {} if temperature is None else {"temperature": temperature}
    replies: Any = load_champion(domain, workspace).predict([question], params=params)
    return Reply.from_json(replies[0])
