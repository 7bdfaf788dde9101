"""A registered model loads and answers in an environment made from its requirements alone: nothing else is imported.

No environment is made for it: a process refuses every package that the listed requirements don't bring, through as many
others as it takes.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from setwise.ask import Asking
from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.serving import Defaults, package_model
from setwise.serving.package import requirements
from setwise.tracking import get_client
from setwise.training.tokenizer import build_tokenizer

CODE = """
from transformers import Qwen3Config, Qwen3ForCausalLM


class OwnConfig(Qwen3Config):
    model_type = "own"


class OwnModel(Qwen3ForCausalLM):
    config_class = OwnConfig
"""
ASKING = """
import json, sys
refused = set(json.loads(sys.argv[1]))


class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in refused else self.finder.find_spec(name, path, target)


sys.meta_path[:] = map(Hiding, sys.meta_path)
for name in [name for name in sys.modules if name.partition(".")[0] in refused]:
    del sys.modules[name]
import mlflow

model = mlflow.pyfunc.load_model(sys.argv[2])
reply = model.predict(["Who has a fever?"])[0]
import setwise.ask

pairs = {"exact": ("a", "b"), "text": ("the a", "A"), "math": ("1/2", "$0.5$"), "code": ("x = 1", "y = 1")}
keys = {match: [len(set(k)) for k in setwise.ask._keys([pair], match)] for match, pair in pairs.items()}
mine = sorted(name for name in sys.modules if name.startswith("setwise."))
print(json.dumps({"reply": reply, "keys": keys, "from": setwise.__file__, "imported": mine}))
"""
CHAT = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


def brought(wanted: list[str]) -> set[str]:
    """The distributions that the requirements bring, those that they need in turn included."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        one = waiting.pop()
        for extra in {"", *one.extras}:
            if (key := (one.name.lower().replace("_", "-"), extra)) in found:
                continue
            found.add(key)
            try:
                needs = [Requirement(text) for text in importlib.metadata.requires(one.name) or []]
            except importlib.metadata.PackageNotFoundError:
                continue  # for another platform
            waiting += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def modules(distributions: set[str]) -> set[str]:
    """The top-level modules of the distributions."""
    mapped = importlib.metadata.packages_distributions()
    return {m for m, names in mapped.items() if {n.lower().replace("_", "-") for n in names} & distributions}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model that has learnt nothing, with a chat template."""
    tokenizer = build_tokenizer(["Who has a fever?"], 400)
    tokenizer.chat_template = CHAT
    model = build_model(ModelParams(hidden_size=16, intermediate_size=16, layers=1, heads=2), tokenizer, seed=0)
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tracking store of its own, which takes MLflow seconds to set up."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        workspace = tmp_path_factory.mktemp("workspace")
        environment.chdir(workspace)
        yield workspace


def package(folder: Path, tracking: Path, trust: bool = False) -> str:
    """The folder of the packaged model."""
    client = get_client(tracking)
    place = folder.with_name("artifacts")
    run = client.create_run(client.create_experiment(str(place), artifact_location=place.as_uri()))
    asking = Asking("rlcr_multi", 2, "Name two.", "math", 16, 512)
    package_model(run.info.run_id, folder, asking, Defaults(), "float32", "Who has a fever?", trust)
    return str(next(place.rglob("MLmodel")).parent)


def test_it_imports_nothing_but_what_its_requirements_bring(folder: Path, tracking: Path, tmp_path: Path) -> None:
    packaged = package(folder, tracking)
    listed = [line for line in (Path(packaged) / "requirements.txt").read_text().splitlines() if line]
    assert sorted(listed) == sorted(requirements())
    refused = set(importlib.metadata.packages_distributions()) - modules(brought(listed)) - {"setwise"}
    assert {"ruamel", "dvc", "trl", "prefect", "rapidfuzz"} <= refused
    assert not {"mlflow", "torch", "antlr4", "jinja2"} & refused
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}
    done = subprocess.run(
        [sys.executable, "-c", ASKING, json.dumps(sorted(refused)), packaged],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["from"].startswith(packaged)
    assert said["reply"]["valid"] in (True, False)
    assert said["keys"] == {"exact": [2], "text": [1], "math": [1], "code": [1]}
    params = {"setwise.params", "setwise.recipes", "setwise.yaml12", "setwise.domains"}
    assert params & set(said["imported"]) == set()


def with_code(folder: Path) -> None:
    """Make the folder's model one that brings its own code."""
    (folder / "own.py").write_text(CODE)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))


def test_a_model_with_code_of_its_own_is_served_where_the_param_trusts_it(
    folder: Path, tracking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    with_code(folder)
    packaged = package(folder, tracking, trust=True)
    assert mlflow.pyfunc.load_model(packaged).predict(["Who has a fever?"])[0]["valid"] in (True, False)


def test_a_model_with_code_of_its_own_is_asked_where_the_param_trusts_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving_world import PARAMS

    from setwise.ask import ask
    from setwise.errors import InputError
    from setwise.params import validate_params

    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    with_code(folder)
    folder.rename(tmp_path / "rlcr_multi")
    trusting = {**PARAMS, "model": {**PARAMS["model"], "trust_remote_code": True}}
    assert ask("Who?", validate_params(trusting, "params.yaml"), models=tmp_path).completion is not None
    with pytest.raises(InputError, match="cannot be loaded"):
        ask("Who?", validate_params(PARAMS, "params.yaml"), models=tmp_path)
