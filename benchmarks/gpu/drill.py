"""A drill for a machine with one GPU and no network: is the CUDA path right, how fast is it, and does RL teach there.

    export PYTHONPATH=.:benchmarks
    python benchmarks/gpu/drill.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --data FOLDER --out FOLDER

`--data` holds the DDXPlus rows (`ddxplus_20path_subset_train.jsonl.gz`, `ddxplus_19path_subset_test.jsonl.gz`, the
release's two JSON files). The subset has 20 pathologies: its figures are no DDXPlus figures. Needs torch, transformers,
trl, peft, datasets, pydantic, rapidfuzz, ruamel.yaml (and gguf with `--gguf`); no Prefect, DVC or MLflow. It stops by
itself after `--seconds`, and writes `drill.json` after each phase. `--smoke` runs all of it at a size for the CPU;
`--shape` takes SmolLM2's shape with random weights and stops after the checks.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from checks import check_lora, check_precision
from decoder import StaticDecoder
from learn import METHODS, Learner
from prompt_sharing import compare_steps, smollm2_shape, synchronize

BEGAN = time.monotonic()


class Record:
    """The JSON that the drill writes, anew after each phase; a phase that fails is told and does not end the drill."""

    def __init__(self, out: Path) -> None:
        self.path = out / "drill.json"
        self.found: dict[str, Any] = {}
        self.failed = False

    def add(self, name: str, phase: Callable[[], Any]) -> Any:
        """Run a phase, keep what it returns and its seconds, print both."""
        import traceback

        began = time.monotonic()
        try:
            result = phase()
        except Exception as error:  # noqa: BLE001 - the next phases can still tell something
            traceback.print_exc()
            self.failed = True
            result = {"failed": f"{type(error).__name__}: {str(error)[:500]}"}
        if isinstance(result, dict):
            self.found[name] = result | {"phase_s": round(time.monotonic() - began, 1)}
            self.path.write_text(json.dumps(self.found, indent=1), encoding="utf-8")
            shown = {k: v for k, v in result.items() if k != "curve"}
            print(f"[{time.monotonic() - BEGAN:6.1f} s] {name}: {json.dumps(shown)}", flush=True)
        return result


def main() -> int:
    """Run the phases in order; 1 if one failed."""
    args = _arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    record = Record(args.out)
    record.add("machine", _machine)
    torch.set_float32_matmul_precision("high")
    model, tokenizer = _load(args)
    if not args.no_checks:
        _check(record, model, tokenizer, args)
    if not args.shape:
        _learn(record, model, tokenizer, args)
    return int(record.failed)


def _check(record: Record, model: Any, tokenizer: Any, args: argparse.Namespace) -> None:
    """Is the CUDA path right, and how fast is a step and a token."""
    vocabulary = model.config.vocab_size
    record.add("precision", lambda: check_precision(model, vocabulary))
    record.add("lora", lambda: check_lora(model, vocabulary))
    size = {"prompt": 20, "completion": 8, "group": 4, "groups": 2} if args.smoke else {}
    for bf16 in (False, True):
        for group in (8, 16):
            asked = {"prompt": 250, "completion": 45, "group": group, "groups": 256 // group} | size
            step = lambda asked=asked, bf16=bf16: compare_steps(model, vocabulary, **asked, bf16=bf16, repeats=3)  # noqa: E731
            record.add(f"step_{'bf16' if bf16 else 'float32'}_g{asked['group']}", step)
    record.add("generation", lambda: _generation(model, tokenizer, args))


def _learn(record: Record, model: Any, tokenizer: Any, args: argparse.Namespace) -> None:
    """Warm start, then each method in its share of the seconds left, judged before and after."""
    learner = Learner(model, tokenizer, args.data, args.smoke, args.seed)
    record.add("warmstart", learner.warm_start)
    record.add("before", learner.judge_all)
    for place, method in enumerate(METHODS):
        left = args.seconds - (time.monotonic() - BEGAN) - 10
        share = sum(METHODS[m] for m in list(METHODS)[place:])
        budget = left * METHODS[method] / share - learner.judging_s
        record.add(method, lambda method=method, budget=budget: learner.train(method, max(1.0, budget)))
    record.add("comparisons", learner.compare)


def _machine() -> dict[str, Any]:
    import transformers
    import trl

    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "trl": trl.__version__,
        "python": sys.version.split()[0],
    }


def _load(args: argparse.Namespace) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "sdpa"}
    if args.shape:
        return smollm2_shape().to(device), None
    if args.gguf is None:
        model = AutoModelForCausalLM.from_pretrained(args.model, **options)
        tokenizer = AutoTokenizer.from_pretrained(args.model)
    else:
        from transformers import GgufConfig

        folder, name = str(args.gguf.parent), args.gguf.name
        options["quantization_config"] = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, **options)
        del model.config.quantization_config
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tokenizer.padding_side = "left"
    return model.to(device), tokenizer


def _generation(model: Any, tokenizer: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second at 256 and 512 rows: transformers' `generate`, and a static cache with one graph per token."""
    rng = random.Random(0)
    cuda = model.device.type == "cuda"
    half = copy.deepcopy(model).to(torch.bfloat16).eval()
    width, new = (250, 45) if cuda else (16, 4)
    result: dict[str, Any] = {}
    for rows in (256, 512) if cuda else (8,):
        prompts = [[rng.randrange(3, half.config.vocab_size) for _ in range(width)] for _ in range(rows // 8)]
        decoder = StaticDecoder(half, rows, width, new, [half.config.vocab_size], 2)  # no token ends
        for name in ("first", "again"):
            began = time.perf_counter()
            decoder.generate(prompts, 8, 1.0)
            synchronize()
            result[f"static_{rows}_{name}_tokens_per_s"] = round(rows * new / (time.perf_counter() - began), 1)
        del decoder
        ids = torch.tensor(prompts, device=model.device).repeat_interleave(8, dim=0)
        settings = {"max_new_tokens": new, "min_new_tokens": new, "do_sample": True, "pad_token_id": 2}
        with torch.no_grad():
            began = time.perf_counter()
            half.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings)
            synchronize()
        result[f"generate_{rows}_tokens_per_s"] = round(rows * new / (time.perf_counter() - began), 1)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder in the Hub's format")
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--shape", action="store_true")
    parser.add_argument("--no-checks", action="store_true", help="learn alone")
    args = parser.parse_args()
    if not args.shape and (args.data is None or (args.model is None) == (args.gguf is None)):
        parser.error("give --data and one of --model and --gguf, or --shape")
    return args


if __name__ == "__main__":
    sys.exit(main())
