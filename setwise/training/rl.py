"""TRL's GRPO trainer without its repeated work: a group's prompt is read once, and only completions are scored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from accelerate.utils import is_peft_model
from trl import GRPOConfig, GRPOTrainer

from setwise.borrowed import check_borrowed, check_trainer
from setwise.domains import Example, get_domain
from setwise.engines import Sampling
from setwise.engines.draws import Sampler, row_uniforms
from setwise.engines.transformers import generate_ids
from setwise.errors import InputError
from setwise.methods import Method
from setwise.params import Params
from setwise.prompts import build_prompt
from setwise.rewards import Breakdown, SetReward, Weights, make_reward
from setwise.rewards.columns import read_golds
from setwise.training.compact_head import add_compact_head
from setwise.training.credit import block_ends, block_rewards, scaled_advantages, token_blocks
from setwise.training.demonstrations import longest_completion
from setwise.training.processes import is_sharded, whole_model
from setwise.training.scale import peft_config, scale_options
from setwise.training.shared_prompt import pack_groups, score_groups, why_not_shared

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


log = logging.getLogger("setwise.training")

_BETA2 = 0.99
"""Adam's memory of squared gradients: a hundred steps, of some hundreds."""


class SetTrainer(GRPOTrainer):
    """GRPO on answer sets. Rewards and loss are TRL's; so are advantages with `credit="set"`.

    With `credit="answer"` the one reward function is a `SetReward`, and tokens get the advantage of their own block
    (`setwise.training.credit`).

    Raises:
        InputError: TRL is another than the one whose methods are overridden here (`setwise.borrowed`).
    """

    draw_by_row = False
    """Whether each completion has random numbers of its own (`params.scale.draws`)."""
    finished_epochs = 0
    """Epochs that lie behind a resumed training: their shuffles are drawn again, so that the next one is the same."""
    generation_batch: int | None = None
    """Completions generated at once (`params.scale.generation_batch`)."""

    def __init__(self, *args: Any, credit: Literal["set", "answer"] = "set", **kwargs: Any) -> None:
        check_borrowed("trl")
        super().__init__(*args, **kwargs)
        check_trainer(self, super()._get_train_sampler())
        self.credit = credit
        self._scored: tuple[Any, Any, Any] = ((), (), ())
        self._widths: dict[int, int] = {}
        model = self.accelerator.unwrap_model(self.model)
        add_compact_head(model.get_base_model() if is_peft_model(model) else model, self.temperature)
        self.unshared = why_not_shared(model)
        if self.unshared:
            log.info("training computes a prompt once per completion: %s", self.unshared)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Any,
        attention_mask: Any,
        logits_to_keep: Any,
        batch_size: Any = None,
        compute_entropy: Any = False,
        compute_aux_loss: Any = False,
        **modalities: Any,
    ) -> Any:
        """TRL's log-probabilities and entropies (B, `logits_to_keep`), each prompt computed once; no auxiliary loss."""
        if self.unshared or compute_aux_loss or any(value is not None for value in modalities.values()):
            result: Any = super()._get_per_token_logps_and_entropies(
                model,
                input_ids,
                attention_mask,
                logits_to_keep,
                batch_size,
                compute_entropy,
                compute_aux_loss,
                **modalities,
            )
            return result
        import torch

        log_probs, entropies = [], []
        at_once, width = batch_size or len(input_ids), input_ids.shape[1] - logits_to_keep
        for start in range(0, len(input_ids), at_once):
            ids, mask = input_ids[start : start + at_once], attention_mask[start : start + at_once]
            packed = pack_groups(ids[:, :width], mask[:, :width], ids[:, width:], mask[:, width:])
            with self.accelerator.autocast():
                scored, entropy = score_groups(model, packed)
            log_probs.append(scored)
            if compute_entropy and entropy is not None:
                entropies.append(entropy)
        return torch.cat(log_probs), torch.cat(entropies) if entropies else None, None

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        self._scored = (inputs, completions, completion_ids_list)
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        """TRL's batch; where credit goes to answers, with advantages of shape (B, T)."""
        output = super()._generate_and_score_completions(inputs)
        if self.credit == "answer":
            inputs, completions, ids = self._scored
            reward: Any = self.reward_funcs[0]
            columns = {key: [row.get(key) for row in inputs] for key in inputs[0]}
            parts = reward.breakdown(completions, read_golds(columns, len(inputs), reward.match))
            slots = self._token_slots(parts, ids, output["completion_ids"].shape[1])
            output["advantages"] = self._block_advantages(parts).gather(1, slots)
        return output

    def _block_advantages(self, parts: Sequence[Breakdown]) -> Tensor:
        """Advantages (B, S) of the blocks of this process's completions, centred per group and block."""
        import torch

        device = self.accelerator.device
        rewards = self.accelerator.gather(torch.tensor([block_rewards(part) for part in parts], device=device))
        model: Any = self.model
        group: Any = self.num_generations if model.training else self.num_generations_eval
        advantages = scaled_advantages(rewards, group, self.scale_rewards)
        first = self.accelerator.process_index * len(parts)
        return advantages[first : first + len(parts)]

    def _token_slots(self, parts: Sequence[Breakdown], ids: Sequence[list[int]], width: int) -> Tensor:
        """The block of each token, shape (B, `width`); 0 for all of a completion that could not be parsed."""
        import torch

        tokenizer: Any = self.processing_class
        decode = partial(tokenizer.decode, skip_special_tokens=True)
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        slots = torch.zeros(len(ids), width, dtype=torch.long)
        for row, (tokens, text, part) in enumerate(zip(ids, texts, parts, strict=True)):
            if part.blocks:
                found = token_blocks(part, block_ends(tokens, text, part, decode, self._widths))
                slots[row] = len(part.blocks)
                slots[row, : len(found)] = torch.tensor(found)
        return slots.to(self.accelerator.device)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        """TRL's sampler, as far on as an uninterrupted training would have it."""
        import torch

        sampler: Any = super()._get_train_sampler(dataset)
        for _ in range(self.finished_epochs):
            torch.randperm(sampler.num_samples, generator=sampler.generator)
        return sampler

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        """TRL's, but for prompts that are texts: they hold their special tokens already, as the engines take them."""
        if not isinstance(prompts[0], str):
            return super()._tokenize_prompts(prompts)
        tokenizer: Any = self.processing_class
        return tokenizer(text=prompts, add_special_tokens=False)["input_ids"], None, {}

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: dict[str, Any],
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], Any]:
        """Generate a batch in which each prompt stands `num_generations` times in a row."""
        vast = self.use_vllm or self.use_transformers_continuous_batching
        whole = _stand_in_groups(prompt_ids, num_generations)
        if is_sharded(self) and not (vast or images or multimodal_fields):
            return self._generate_sharded(prompt_ids, num_generations), None
        if vast or images or multimodal_fields or not (whole or self.draw_by_row):
            result: tuple[list[list[int]], Any] = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
            return result
        limit: Any = self.max_completion_length
        tokenizer: Any = self.processing_class
        n = num_generations if whole else 1
        sampling = Sampling(self.temperature, self.top_p, limit, n=n)
        at_once = len(prompt_ids) if self.generation_batch is None else max(1, self.generation_batch // n) * n
        drawn: list[tuple[list[int], bool]] = []
        with whole_model(self) as model:
            for start in range(0, len(prompt_ids), at_once):
                rows = prompt_ids[start : start + at_once]
                first = self.accelerator.process_index * len(prompt_ids) + start
                drawn += generate_ids(model, tokenizer, rows[::n], sampling, self._sampler(first, len(rows), sampling))
        return [ids for ids, _ in drawn], None

    def _generate_sharded(self, prompt_ids: list[list[int]], num_generations: int) -> list[list[int]]:
        """TRL's own generation, `generation_batch` at a time: as often in every process, since all hold the model."""
        at_once = self.generation_batch or max(1, len(prompt_ids))
        drawn: list[list[int]] = []
        for start in range(0, len(prompt_ids), at_once):
            rows = prompt_ids[start : start + at_once]
            drawn += super()._generate_single_turn(rows, None, {}, num_generations)[0]
        return drawn

    def _sampler(self, first: int, rows: int, sampling: Sampling) -> Sampler | None:
        """Draws for `rows` rows from `first` on of the step's whole batch, however many processes share it."""
        if not self.draw_by_row:
            return None
        uniforms = row_uniforms(self.args.seed, self.state.global_step, first, rows, sampling.max_tokens)
        return Sampler(sampling.temperature, sampling.top_p, uniforms)


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

    Raises:
        InputError: settings that can't work together, or with this launch.
    """
    from datasets import Dataset
    from transformers import PrinterCallback

    reward = training_reward(method, params)
    instruction = get_domain(params.domain.name).instruction
    rows = [
        _row(example, build_prompt(example.question, reward.layout, tokenizer, instruction)) for example in examples
    ]
    limit = params.train.max_completion_tokens
    if params.model.path is None:
        limit = min(limit, longest_completion(examples, reward.layout, tokenizer))
    trainer = SetTrainer(
        model=model,
        args=_config(params, limit, output_dir),
        reward_funcs=[reward],
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=list(callbacks),
        peft_config=peft_config(params),
        credit=params.train.credit,
    )
    trainer.draw_by_row = params.scale.draws == "row"
    if trainer.draw_by_row and is_sharded(trainer):
        raise InputError("params.yaml: scale.draws: 'row' needs the whole model in each process; use 'batch'")
    trainer.generation_batch = params.scale.generation_batch
    trainer.remove_callback(PrinterCallback)
    return trainer


def training_reward(method: Method, params: Params) -> SetReward:
    """The reward that `params.reward` asks for."""
    asked = params.reward
    return make_reward(
        method,
        k=params.k,
        credit=asked.credit,
        weights=Weights(format=asked.format_weight, correctness=asked.correctness_weight, brier=asked.brier_weight),
        sum_rule=asked.sum_rule,
        tolerance=asked.tolerance,
    )


def _config(params: Params, max_completion_length: int, output_dir: Path) -> GRPOConfig:
    train = params.train
    return GRPOConfig(
        output_dir=str(output_dir),
        max_steps=train.steps,
        learning_rate=train.learning_rate,
        lr_scheduler_type="linear",
        adam_beta2=_BETA2,
        warmup_steps=train.warmup_steps,
        num_generations=train.generations,
        max_completion_length=max_completion_length,
        temperature=train.temperature,
        beta=train.beta,
        scale_rewards=train.scale_rewards,
        logging_steps=log_every(train.steps),
        save_strategy="steps",
        save_steps=max(1, train.steps // train.checkpoints),
        report_to=[],
        seed=params.seed,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        **scale_options(params),
    )


def log_every(steps: int) -> int:
    """Steps from one row of the curve to the next; a row is the mean of them."""
    return max(1, steps // 100)


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
