"""TRL's GRPO trainer without its repeated work: a group's prompt is read once, and only completions are scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trl import GRPOTrainer

from setwise.domains import Example, get_domain
from setwise.engines import Sampling
from setwise.engines.transformers import generate_ids
from setwise.methods import Method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.rewards import Weights, make_reward
from setwise.training.compact_head import add_compact_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class SetTrainer(GRPOTrainer):
    """GRPO on answer sets. Rewards, advantages and loss are TRL's; see `setwise.rewards` for what is rewarded."""

    finished_epochs = 0
    """Epochs that lie behind a resumed training: their shuffles are drawn again, so that the next one is the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add_compact_head(self.accelerator.unwrap_model(self.model), self.temperature)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        """TRL's sampler, as far on as an uninterrupted training would have it."""
        import torch

        sampler: Any = super()._get_train_sampler(dataset)
        for _ in range(self.finished_epochs):
            torch.randperm(sampler.num_samples, generator=sampler.generator)
        return sampler

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: dict[str, Any],
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], Any]:
        """Generate a batch in which each prompt stands `num_generations` times in a row."""
        plain = self.accelerator.num_processes == 1 and not (
            self.use_vllm or self.use_transformers_continuous_batching or images or multimodal_fields
        )
        groups = prompt_ids[::num_generations]
        if not plain or any(prompt_ids[i] != groups[i // num_generations] for i in range(len(prompt_ids))):
            result: tuple[list[list[int]], Any] = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
            return result
        limit: Any = self.max_completion_length
        tokenizer: Any = self.processing_class
        sampling = Sampling(self.temperature, self.top_p, limit, n=num_generations)
        drawn = generate_ids(self.accelerator.unwrap_model(self.model), tokenizer, groups, sampling)
        return [ids for ids, _ in drawn], None


def make_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    method: Method,
    params: Params,
    output_dir: Path,
    callbacks: Sequence[Any] = (),
) -> SetTrainer:
    """A trainer of `model` (in place) for one method, ready for `.train(resume_from_checkpoint=…)`.

    Checkpoints are written to `output_dir`, `params.train.checkpoints` of them over the whole training.
    """
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOConfig

    train = params.train
    weights = Weights(
        format=params.reward.format_weight,
        correctness=params.reward.correctness_weight,
        brier=params.reward.brier_weight,
    )
    reward = make_reward(method, k=params.k, credit=params.reward.credit, weights=weights)
    instruction = get_domain(params.domain.name).instruction
    rows = [
        _row(example, build_prompt(example.question, reward.layout, tokenizer, instruction)) for example in examples
    ]
    every = max(1, train.steps // train.checkpoints)
    config = GRPOConfig(
        output_dir=str(output_dir),
        max_steps=train.steps,
        learning_rate=train.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=train.warmup_steps,
        per_device_train_batch_size=train.prompts_per_step * train.generations,
        num_generations=train.generations,
        max_completion_length=train.max_completion_tokens,
        temperature=train.temperature,
        beta=train.beta,
        scale_rewards=train.scale_rewards,
        loss_type="dr_grpo",
        logging_steps=max(1, train.steps // 100),
        save_strategy="steps",
        save_steps=every,
        report_to=[],
        seed=params.seed,
        use_cpu=model.device.type == "cpu",
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )
    trainer = SetTrainer(
        model=model,
        args=config,
        reward_funcs=[reward],
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _row(example: Example, prompt: str) -> dict[str, Any]:
    """One row of the trainer's dataset: the prompt and what the reward needs to judge its completions."""
    return {
        "prompt": prompt,
        "gold": [list(aliases) for aliases in example.gold],
        "match": example.match,
        "exclusive": example.exclusive,
        "tests": list(example.tests) or None,
        "setup": example.setup or None,
    }
