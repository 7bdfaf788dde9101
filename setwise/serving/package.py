"""Put a trained model into MLflow as a `pyfunc`: weights, settings, and the code that reads its completions."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import setwise
from setwise.ask import REFUSALS, Asking
from setwise.digests import weights_digest
from setwise.errors import InputError

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

WEIGHTS = "weights"
"""Name of the artifact that holds the model folder."""
NEEDED = ("math-verify[antlr4-9-3]", "mlflow", "numpy", "pandas", "pydantic", "torch", "transformers")
"""What a served model imports; the versions installed here are the ones it is registered with. With what these need
themselves it is all that an environment made for the model has: a test loads and asks a model with nothing else.
"""


@dataclass(frozen=True)
class Defaults:
    """What a request gets that says nothing else; see `setwise.ask.answer`."""

    temperature: float = 0.0
    retry: bool = True
    seed: int = 0


def package_model(
    run_id: str,
    weights: Path,
    asking: Asking,
    defaults: Defaults,
    dtype: str,
    example: str,
    trust_remote_code: bool = False,
) -> ModelInfo:
    """Log the model in folder `weights` to an MLflow run, load it as a server does, and ask it `example`.

    Args:
        run_id: the run that trained it.
        weights: the model's folder.
        asking: how it is asked.
        defaults: of a request.
        dtype: of the weights in memory.
        example: a question, kept as the input example.
        trust_remote_code: whether the Python code in the folder runs wherever the model is loaded.

    Raises:
        InputError: the example can't be put to the model, so that it would answer no question like it.
    """
    import mlflow

    config: dict[str, Any] = {
        "asking": asking.to_json(),
        "sampling": {"temperature": defaults.temperature, "retry": defaults.retry, "seed": defaults.seed},
        "dtype": dtype,
        "trust_remote_code": trust_remote_code,
        "weights": weights_digest(weights),
    }
    with tempfile.TemporaryDirectory() as scratch, mlflow.start_run(run_id=run_id):
        code = Path(scratch) / "setwise"
        shutil.copytree(Path(setwise.__file__).parent, code, ignore=shutil.ignore_patterns("__pycache__"))
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("model_code.py")),
            artifacts={WEIGHTS: str(weights)},
            model_config=config,
            code_paths=[str(code)],
            pip_requirements=requirements(),
            input_example=([example], config["sampling"]),
        )
    replies: Any = mlflow.pyfunc.load_model(info.model_uri).predict([example])
    reason = replies[0].get("reason") or ""
    if reason.startswith(REFUSALS):
        raise InputError(
            f"{weights}: answers no test question ({reason}); lower evaluate.max_completion_tokens, or train a model "
            "with a longer context"
        )
    return info


def requirements() -> list[str]:
    """What the served model needs, as `name==version`; a build's local suffix (`+cpu`) is left out."""
    return [f"{name}=={importlib.metadata.version(name.split('[')[0]).split('+')[0]}" for name in NEEDED]
