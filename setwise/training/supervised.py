"""Supervised training on demonstrations with TRL's `SFTTrainer`: the loss is on the completion alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.answers import render
from setwise.prompts import build_prompt
from setwise.training.compact_head import Penalty, add_compact_head
from setwise.training.demonstrations import Demonstration
from setwise.training.tokenizer import layout_tags

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTConfig


_BETA2 = 0.98
"""Adam's memory of squared gradients: some fifty steps, since these trainings are a thousand steps long and begin with
the large gradients of layout tokens."""
_SMALLEST_HALVED = 128


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
    layout_share: float = 1.0,
    penalty: Penalty | None = None,
    callbacks: Sequence[Any] = (),
) -> None:
    """Train `model` in place on `demonstrations`; the learning rate falls linearly to 0.

    Args:
        layout_share: see `tokenize`.
        penalty: adds to the loss of each labelled token.
    """
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTTrainer

    rows = _order_batches(tokenize(demonstrations, tokenizer, instruction, layout_share, seed), batch_size, seed)
    steps = max(1, int(len(demonstrations) * epochs / batch_size))
    trainer = SFTTrainer(
        model=model,
        args=_config(epochs, learning_rate, batch_size, steps, seed, output_dir),
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    add_compact_head(model, penalty=penalty)
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _config(epochs: float, learning_rate: float, batch_size: int, steps: int, seed: int, output_dir: Path) -> SFTConfig:
    import torch
    from trl import SFTConfig

    halves = 2 if batch_size >= _SMALLEST_HALVED else 1
    return SFTConfig(
        output_dir=str(output_dir),
        num_train_epochs=epochs,
        learning_rate=learning_rate,
        adam_beta2=_BETA2,
        per_device_train_batch_size=-(-batch_size // halves),
        gradient_accumulation_steps=halves,
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


def _order_batches(rows: dict[str, list[list[int]]], batch_size: int, seed: int) -> dict[str, list[list[int]]]:
    """The rows in a shuffled order in which the first half of every batch holds its shorter rows.

    Computing a large batch in halves then pads little, and every batch still holds all layouts: with batches of one
    layout each, which would pad still less, the clinic's sets of three were valid in 70% of cases instead of 90%.
    """
    order = list(range(len(rows["input_ids"])))
    random.Random(seed).shuffle(order)
    batches = [
        sorted(order[start : start + batch_size], key=lambda row: len(rows["input_ids"][row]))
        for start in range(0, len(order), batch_size)
    ]
    return {name: [column[row] for batch in batches for row in batch] for name, column in rows.items()}


def tokenize(
    demonstrations: Sequence[Demonstration],
    tokenizer: PreTrainedTokenizerBase,
    instruction: str,
    layout_share: float = 1.0,
    seed: int = 0,
) -> dict[str, list[list[int]]]:
    """Token ids and labels of each demonstration, the end token included; prompt tokens carry no label (−100).

    Prompt and completion are tokenised apart, as a model that generates after the prompt sees them.

    Args:
        layout_share: the share of demonstrations whose tags and end are labelled too. They are learnt within tens of
            steps, and stand in the way of the answers from then on.
    """
    rng = random.Random(seed)
    prompts = [build_prompt(d.question, d.layout, tokenizer, instruction) for d in demonstrations]
    completions = [render(d.answer_set, d.layout) for d in demonstrations]
    prompt_ids, completion_ids = _token_ids(prompts, tokenizer), _token_ids(completions, tokenizer)
    end = tokenizer.eos_token_id
    tags: Any = tokenizer.convert_tokens_to_ids(layout_tags())
    shape = {end, *tags}
    labels = [
        row + [end] if rng.random() < layout_share else [-100 if token in shape else token for token in (*row, end)]
        for row in completion_ids
    ]
    return {
        "input_ids": [p + c + [end] for p, c in zip(prompt_ids, completion_ids, strict=True)],
        "labels": [[-100] * len(p) + row for p, row in zip(prompt_ids, labels, strict=True)],
    }


def _token_ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The token ids of each text; a text that stands there often is tokenised once."""
    different = list(dict.fromkeys(texts))
    ids = dict(zip(different, tokenizer(different, add_special_tokens=False)["input_ids"], strict=True))
    return [ids[text] for text in texts]
