"""TRL's GRPO trainer without its repeated work: a group's prompt is read once, and only completions are scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate.utils import is_peft_model
from trl import GRPOTrainer

from setwise.domains import Example, get_domain
from setwise.engines import Sampling
from setwise.engines.draws import RowSampler, row_uniforms
from setwise.engines.transformers import generate_ids
from setwise.methods import Method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.rewards import Weights, make_reward
from setwise.training.compact_head import add_compact_head
from setwise.training.processes import is_sharded, whole_model
from setwise.training.scale import peft_config, scale_options

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class SetTrainer(GRPOTrainer):
    """GRPO on answer sets. Rewards, advantages and loss are TRL's; see `setwise.rewards` for what is rewarded."""

    draw_by_row = False
    """Whether each completion has random numbers of its own (`params.scale.draws`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        model = self.accelerator.unwrap_model(self.model)
        add_compact_head(model.get_base_model() if is_peft_model(model) else model, self.temperature)

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: dict[str, Any],
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], Any]:
        """Generate a batch in which each prompt stands `num_generations` times in a row."""
        vast = self.use_vllm or self.use_transformers_continuous_batching or is_sharded(self)
        whole = _stand_in_groups(prompt_ids, num_generations)
        if vast or images or multimodal_fields or not (whole or self.draw_by_row):
            result: tuple[list[list[int]], Any] = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
            return result
        limit: Any = self.max_completion_length
        tokenizer: Any = self.processing_class
        n = num_generations if whole else 1
        sampling = Sampling(self.temperature, self.top_p, limit, n=n)
        with whole_model(self) as model:
            drawn = generate_ids(model, tokenizer, prompt_ids[::n], sampling, self._sampler(len(prompt_ids), sampling))
        return [ids for ids, _ in drawn], None

    def _sampler(self, rows: int, sampling: Sampling) -> RowSampler | None:
        """Draws for this process's rows of the step's batch that don't depend on how many processes share it."""
        if not self.draw_by_row:
            return None
        first = self.accelerator.process_index * rows
        uniforms = row_uniforms(self.args.seed, self.state.global_step, first, rows, sampling.max_tokens)
        return RowSampler(uniforms, sampling.temperature, sampling.top_p)


def _stand_in_groups(prompts: list[list[int]], size: int) -> bool:
    """Whether every prompt stands `size` times in a row."""
    whole = len(prompts) % size == 0
    return whole and all(prompt == prompts[i - i % size] for i, prompt in enumerate(prompts))


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
        num_generations=train.generations,
        max_completion_length=train.max_completion_tokens,
        temperature=train.temperature,
        beta=train.beta,
        scale_rewards=train.scale_rewards,
        logging_steps=max(1, train.steps // 100),
        save_strategy="steps",
        save_steps=every,
        report_to=[],
        seed=params.seed,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        **scale_options(params),
    )
    trainer = SetTrainer(
        model=model,
        args=config,
        reward_funcs=[reward],
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
        peft_config=peft_config(params),
    )
    trainer.draw_by_row = params.scale.draws == "row"
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
