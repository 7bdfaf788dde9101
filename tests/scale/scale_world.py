"""A workspace whose data and warm start are there in seconds: a small clinic, a policy that knows the layout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from setwise.domains import get_domain
from setwise.domains.parquet import write_examples
from setwise.methods import get_method
from setwise.params import Params, validate_params
from setwise.policy import build_model
from setwise.training.tokenizer import build_tokenizer
from setwise.training.warmstart import warm_start

REPOSITORY = Path(__file__).parents[2]
METHOD = "rlcr_multi"
STEPS = 4


def make_params(**sections: dict[str, Any]) -> Params:
    """Params of a training of `STEPS` steps of 4 prompts × 4 generations."""
    content: dict[str, Any] = {
        "seed": 5,
        "k": 3,
        "methods": [METHOD],
        "threads": 1,
        "domain": {"name": "clinic", "families": 2, "train_size": 1500, "test_size": 40},
        "model": {"hidden_size": 32, "intermediate_size": 64, "layers": 2, "heads": 2, "vocab_size": 400},
        "warmstart": {
            "source": "template",
            "examples": 1400,
            "epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.01,
            "layout_share": 1.0,
        },
        "reward": {},
        "train": {"steps": STEPS, "prompts_per_step": 4, "generations": 4, "checkpoints": 2, "held_out": 20},
        "evaluate": {"answers": 3, "resamples": 100},
        "scale": {},
        "registry": {},
    }
    for name, section in sections.items():
        content[name] = {**content[name], **section}
    return validate_params(content, "params.yaml")


def make_workspace(root: Path) -> Path:
    """Prepare the data and the warm start of `make_params()` in `root`."""
    params = make_params()
    prepared = get_domain("clinic").load(params.domain, params.seed)
    folder = root / "data" / "clinic"
    folder.mkdir(parents=True)
    for split, examples in prepared.splits.items():
        write_examples(folder / f"{split}.parquet", examples)
    (folder / "vocabulary.json").write_text(json.dumps(list(prepared.vocabulary or [])))
    train = list(prepared.splits["train"])
    names = [alias for example in train for aliases in example.gold for alias in aliases]
    tokenizer = build_tokenizer([*(e.question for e in train), *names], params.model.vocab_size)
    model = build_model(params.model, tokenizer, params.seed)
    layouts, instruction = [get_method(METHOD).layout(3)], get_domain("clinic").instruction
    warm_start(
        model, tokenizer, train, prepared.vocabulary, params.warmstart, layouts, instruction, 5, root / "scratch"
    )
    for place in (model, tokenizer):
        place.save_pretrained(root / "models" / "warmstart")
    return root


def copy_workspace(source: Path, target: Path, params: Params) -> Path:
    """A workspace of its own with the same data and warm start, and the launch files of the repository."""
    target.mkdir()
    for name in ("data", "models"):
        shutil.copytree(source / name, target / name)
    shutil.copytree(REPOSITORY / "recipes" / "accelerate", target / "recipes" / "accelerate")
    (target / "params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
    return target


def run_stage(workspace: Path, *arguments: str) -> str:
    """Run `python -m pipelines.…` in a workspace; what it printed."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    env = {name: value for name, value in env.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=workspace, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def read_curve(workspace: Path) -> list[dict[str, float]]:
    """The training curve."""
    text = (workspace / "reports" / "curves" / f"{METHOD}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]
