"""The MLflow `pyfunc` model: questions in, answer sets with confidences out, through `setwise.ask.answer`."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext
from pydantic import BaseModel

from setwise.ask import Asking, answer
from setwise.digests import weights_digest
from setwise.errors import InputError
from setwise.serving.package import WEIGHTS

_SEEDS = 2**63 - 1
"""A second try takes the next seed, which must be a signed number of 64 bits too."""


class ServedAnswer(BaseModel):
    """One answer; `confidence` is null where the method states none."""

    text: str
    confidence: float | None = None


class ServedReply(BaseModel):
    """The reply to one question; `answers` are the surest first, and empty where `reason` says what was wrong."""

    answers: list[ServedAnswer]
    valid: bool
    reason: str | None = None
    reasoning: str | None = None
    completion: str | None = None


class SetModel(PythonModel):
    """A trained model that answers questions. One request at a time is generated; others wait for their turn."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights once, and refuse those that are not the registered ones.

        Raises:
            InputError: the weights' digest is not the one that was registered.
        """
        from setwise.engines.transformers import TransformersEngine

        config: dict[str, Any] = dict(context.model_config)
        folder = Path(context.artifacts[WEIGHTS])
        if (found := weights_digest(folder)) != config["weights"]:
            raise InputError(
                f"{folder}: the weights' sha256 is {found[:12]}…, registered were {config['weights'][:12]}…: damaged "
                "or exchanged; register the model again"
            )
        self._asking = Asking(**config["asking"])
        self._defaults: dict[str, Any] = dict(config["sampling"])
        trust = config.get("trust_remote_code", False)  # not in versions registered before it was kept
        self._engine = TransformersEngine.load(folder, dtype=config["dtype"], trust_remote_code=trust)
        self._turn = threading.Lock()

    def predict(
        self, context: PythonModelContext | None, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[ServedReply]:
        """Answer the questions, in order.

        Args:
            context: not used: `load_context` has read it.
            model_input: questions.
            params: `temperature`, `retry` and `seed` of this request; left out or null, each is the registered one.

        Raises:
            MlflowException: a value is out of range; a server answers with status 400.
        """
        said = {name: value for name, value in (params or {}).items() if name in self._defaults and value is not None}
        _check_range(**said)
        with self._turn:  # torch's generator and the tokenizer are not made for two threads
            replies = answer(model_input, self._engine, self._asking, **(self._defaults | said))
        return [reply.to_json() for reply in replies]  # type: ignore[misc]


def _check_range(temperature: float = 0.0, retry: bool = False, seed: int = 0) -> None:
    """Refuse what can't be sampled by in one line; anything else that is raised, a server answers with a traceback."""
    if not (math.isfinite(temperature) and temperature >= 0):
        raise MlflowException.invalid_parameter_value(f"temperature: {temperature} is no finite number of at least 0")
    if not 0 <= seed < _SEEDS:
        raise MlflowException.invalid_parameter_value(f"seed: {seed} is not from 0 to {_SEEDS - 1}")
