"""Supervised training on demonstrations with TRL's `SFTTrainer`: the loss is on the completion alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.answers import render
from setwise.prompts import build_prompt
from setwise.training.compact_head import add_compact_head
from setwise.training.demonstrations import Demonstration

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def supervise(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    demonstrations: Sequence[Demonstration],
    *,
    instruction: str,
    epochs: float,
    learning_rate: float,
    batch_size: int,
    seed: int,
    output_dir: Path,
    callbacks: Sequence[Any] = (),
) -> None:
    """Train `model` in place on `demonstrations`; the learning rate falls linearly to 0."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    rows = _halve_batches(tokenize(demonstrations, tokenizer, instruction), batch_size, seed)
    steps = max(1, int(len(demonstrations) * epochs / batch_size))
    config = SFTConfig(
        output_dir=str(output_dir),
        num_train_epochs=epochs,
        learning_rate=learning_rate,
        per_device_train_batch_size=-(-batch_size // 2),
        gradient_accumulation_steps=2,
        train_sampling_strategy="sequential",
        lr_scheduler_type="linear",
        warmup_steps=min(20, steps // 10),
        logging_steps=max(1, steps // 50),
        save_strategy="no",
        report_to=[],
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        max_length=None,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    add_compact_head(model)
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _halve_batches(rows: dict[str, list[list[int]]], batch_size: int, seed: int) -> dict[str, list[list[int]]]:
    """The rows in a shuffled order in which the first half of every batch holds its shorter rows.

    Computing a batch in halves pads little, and every batch still holds all layouts: with batches of one layout each,
    which would pad still less, the clinic's sets of three were valid in 70% of cases instead of 90%.
    """
    order = list(range(len(rows["input_ids"])))
    random.Random(seed).shuffle(order)
    batches = [
        sorted(order[start : start + batch_size], key=lambda row: len(rows["input_ids"][row]))
        for start in range(0, len(order), batch_size)
    ]
    return {name: [column[row] for batch in batches for row in batch] for name, column in rows.items()}


def tokenize(
    demonstrations: Sequence[Demonstration], tokenizer: PreTrainedTokenizerBase, instruction: str
) -> dict[str, list[list[int]]]:
    """Token ids and labels of each demonstration, the end token included; prompt tokens carry no label (−100).

    Prompt and completion are tokenised apart, as a model that generates after the prompt sees them.
    """
    prompts = [build_prompt(d.question, d.layout, tokenizer, instruction) for d in demonstrations]
    completions = [render(d.answer_set, d.layout) for d in demonstrations]
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    completion_ids = tokenizer(completions, add_special_tokens=False)["input_ids"]
    end = [tokenizer.eos_token_id]
    return {
        "input_ids": [p + c + end for p, c in zip(prompt_ids, completion_ids, strict=True)],
        "labels": [[-100] * len(p) + c + end for p, c in zip(prompt_ids, completion_ids, strict=True)],
    }
