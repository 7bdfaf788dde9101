"""Measure a training step against TRL's stock `GRPOTrainer`. Prints one JSON object.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/step_time.py

Both trainers run in this process, in turns, from the same weights, with the same batch, lengths and rewards, so that
what else the machine does falls on both alike. `trivial` rewards the number of tokens and gives credit per set:
completions of an untrained policy, nearly all of them as long as allowed. `set` is `rlcr_multi` as it is trained by
default (credit per answer), against the stock trainer with the same reward.

    OMP_NUM_THREADS=2 python benchmarks/step_time.py --prompt 250 --completion 45 --group 8

With `--prompt`, loss and backward alone, of a model of SmolLM2-135M's shape: each prompt once per group against once
per completion, `ratio` and `peak_memory_ratio` being ours over TRL's.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import statistics
import tempfile
import warnings
from typing import Any

from datasets import Dataset
from prompt_sharing import compare_steps, smollm2_shape
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from setwise.answers import Layout
from setwise.domains.clinic import DOMAIN, ClinicParams
from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.prompts import plain_prompt
from setwise.rewards import rlcr_multi
from setwise.training.rl import SetTrainer
from setwise.training.tokenizer import build_tokenizer


def count_tokens(completion_ids: list[list[int]], **columns: Any) -> list[float]:
    """The trivial reward."""
    return [float(len(ids)) for ids in completion_ids]


def main() -> None:
    """Run both trainers in turns and print medians of their step times and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--generations", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=22)
    parser.add_argument("--steps", type=int, default=6, help="timed steps of a turn")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--prompt", type=int, help="tokens of a prompt: measure prompt sharing alone")
    parser.add_argument("--completion", type=int, default=45)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--groups", type=int, default=2)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if args.prompt:
        model = smollm2_shape()
        sizes = (args.prompt, args.completion, args.group, args.groups)
        print(json.dumps(compare_steps(model, model.config.vocab_size, *sizes, bf16=False, repeats=args.turns)))
        return
    examples = DOMAIN.load(ClinicParams(train_size=2000, test_size=10), 0).splits["train"]
    texts = [text for example in examples for text in (example.question, example.gold[0][0])]
    tokenizer = build_tokenizer(texts, 2000)
    model = build_model(ModelParams(), tokenizer, 0)
    layout = Layout(3, confidences=True)
    data = Dataset.from_list(
        [
            {"prompt": plain_prompt(e.question, layout), "gold": [list(e.gold[0])], "match": "exact", "exclusive": True}
            for e in examples
        ]
    )
    result: dict[str, Any] = {"batch": [args.prompts, args.generations], "completion_tokens": args.tokens}
    for name, reward, credit in (("trivial", count_tokens, "set"), ("set", rlcr_multi, "answer")):
        times: dict[str, list[float]] = {"stock": [], "ours": []}
        for _ in range(args.turns):
            times["stock"] += _turn(GRPOTrainer, model, tokenizer, data, reward, args, {})
            times["ours"] += _turn(SetTrainer, model, tokenizer, data, reward, args, {"credit": credit})
        medians = {which: statistics.median(values) for which, values in times.items()}
        result[name] = {f"{which}_s": round(value, 4) for which, value in medians.items()}
        result[name]["ratio"] = round(medians["ours"] / medians["stock"], 4)
    print(json.dumps(result))


def _turn(
    trainer: Any,
    model: Any,
    tokenizer: Any,
    data: Dataset,
    reward: Any,
    args: argparse.Namespace,
    options: dict[str, Any],
) -> list[float]:
    """Seconds of each step of a short training; the first two are left out."""
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            max_steps=args.steps + 2,
            per_device_train_batch_size=args.prompts * args.generations,
            num_generations=args.generations,
            max_completion_length=args.tokens,
            learning_rate=1e-6,
            scale_rewards="batch",
            loss_type="dr_grpo",
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            seed=0,
        )
        made = trainer(
            model=copy.deepcopy(model),
            args=config,
            reward_funcs=[reward],
            train_dataset=data,
            processing_class=tokenizer,
            **options,
        )
        made.remove_callback(PrinterCallback)
        made.train()
        return [row["step_time"] for row in made.state.log_history if "step_time" in row][2:]


if __name__ == "__main__":
    main()
