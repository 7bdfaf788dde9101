"""TRL's GRPO trainer without its repeated work: a group's prompt is read once, and only completions are scored."""

from __future__ import annotations

from typing import Any

from trl import GRPOTrainer

from setwise.engines import Sampling
from setwise.engines.transformers import generate_ids
from setwise.training.compact_head import add_compact_head


class SetTrainer(GRPOTrainer):
    """GRPO on answer sets. Rewards, advantages and loss are TRL's; see `setwise.rewards` for what is rewarded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add_compact_head(self.accelerator.unwrap_model(self.model), self.temperature)

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: dict[str, Any], num_generations: int, **kw: Any
    ) -> tuple[list[list[int]], Any]:
        """Generate a batch in which each prompt stands `num_generations` times in a row."""
        plain = self.accelerator.num_processes == 1 and not (
            self.use_vllm or self.use_transformers_continuous_batching or images or multimodal_fields
        )
        groups = prompt_ids[::num_generations]
        if not plain or any(prompt_ids[i] != groups[i // num_generations] for i in range(len(prompt_ids))):
            result: tuple[list[list[int]], Any] = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, **kw
            )
            return result
        sampling = Sampling(self.temperature, self.top_p, self.max_completion_length, n=num_generations)
        model = self.accelerator.unwrap_model(self.model)
        drawn = generate_ids(model, self.processing_class, groups, sampling)
        return [ids for ids, _ in drawn], None
