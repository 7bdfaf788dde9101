"""A completion without a verdict trains nothing, and the others as if it had not been drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from setwise.answers import AnswerSet, Layout, render
from setwise.domains.clinic import DOMAIN, ClinicParams
from setwise.params import ModelParams
from setwise.policy import build_model
from setwise.rewards import make_reward
from setwise.training.alarms import CONSTANT_LOGS, Alarms, TrainingFailure
from setwise.training.credit import scaled_advantages
from setwise.training.rl import SetTrainer
from setwise.training.tokenizer import build_tokenizer

NAN = float("nan")
GROUP = 4
LAYOUT = Layout(2, confidences=True)
GOLD = ["flu", "cold"]
STATED = [
    [
        (("flu", "rash"), (0.9, 0.2)),
        (("cold", "flu"), (0.4, 0.3)),
        (("rash", "unsure"), (0.5, 0.5)),
        (("a", "b"), (1, 1)),
    ],
    [
        (("flu", "unsure"), (0.9, 0.2)),
        (("unsure", "flu"), (0.4, 0.3)),
        (("unsure", "b"), (0.5, 0.5)),
        (("a", "b"), (1, 0)),
    ],
]
"""What is drawn for two prompts: one completion of the first and all but one of the second can't be decided."""
COMPLETIONS = [render(AnswerSet(*said), LAYOUT) for group in STATED for said in group]
KNOWN = torch.tensor(["unsure" not in text for text in COMPLETIONS])


class GivenCompletions(SetTrainer):
    """The trainer with a policy that always says `COMPLETIONS`."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        tokenizer: Any = self.processing_class
        return tokenizer(COMPLETIONS, add_special_tokens=False)["input_ids"], None


def tiny_policy() -> tuple[Any, Any]:
    examples = DOMAIN.load(ClinicParams(train_size=40, test_size=4), 0).splits["train"]
    tokenizer = build_tokenizer([*(example.question for example in examples), *COMPLETIONS], 600)
    model = build_model(ModelParams(hidden_size=16, intermediate_size=16, layers=1, heads=2), tokenizer, 0)
    return model, tokenizer


def config(folder: Path, scale: str = "batch", **options: Any) -> GRPOConfig:
    return GRPOConfig(
        output_dir=str(folder),
        num_generations=GROUP,
        per_device_train_batch_size=2 * GROUP,
        max_completion_length=80,
        scale_rewards=scale,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **options,
    )


@pytest.mark.parametrize("scale", ["batch", "group", "none"])
@pytest.mark.parametrize("credit", ["set", "answer"])
def test_its_advantage_is_zero_at_every_token_and_the_others_are_as_without_it(
    unsure: str,
    credit: Any,
    scale: str,
    tmp_path: Path,
) -> None:
    model, tokenizer = tiny_policy()
    reward = make_reward("rlcr_multi", k=2, match=unsure)
    rows = [{"prompt": prompt, "gold": [[name] for name in GOLD]} for prompt in ("one", "two") for _ in range(GROUP)]
    trainer = GivenCompletions(
        model=model,
        args=config(tmp_path, scale),
        reward_funcs=[reward],
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        credit=credit,
    )
    model.train()
    advantages = trainer._generate_and_score_completions(rows)["advantages"].view(2 * GROUP, -1)

    totals = torch.tensor([NAN if r is None else r for r in reward(None, COMPLETIONS, gold=[r["gold"] for r in rows])])
    assert torch.equal(totals.isnan(), ~KNOWN) and KNOWN.tolist() == [
        True,
        True,
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    judged = totals[:GROUP][KNOWN[:GROUP]]
    divisor = {"batch": totals[KNOWN].std() + 1e-4, "group": judged.std() + 1e-4, "none": 1.0}[scale]
    assert advantages[~KNOWN].abs().max() == 0
    assert advantages[GROUP:].abs().max() == 0, "one judged completion of a group has nothing to be better than"
    assert advantages[:GROUP][KNOWN[:GROUP], 0].tolist() == pytest.approx(((judged - judged.mean()) / divisor).tolist())


def test_blocks_are_centred_and_scaled_over_what_is_judged() -> None:
    rewards = torch.tensor([[1.0, 2.0], [NAN, NAN], [3.0, 0.0], [NAN, NAN], [NAN, NAN], [7.0, 7.0]])
    for scale, divisor in (("none", 1.0), ("batch", torch.tensor([1.0, 3.0, 7.0]).std().item() + 1e-4)):
        found = scaled_advantages(rewards, 3, scale)
        assert torch.allclose(found[[0, 2]], torch.tensor([[-1.0, 1.0], [1.0, -1.0]]) / divisor)
        assert found[[1, 3, 4, 5]].abs().max() == 0
    assert scaled_advantages(torch.full((4, 2), NAN), 2, "batch").abs().max() == 0


@pytest.mark.parametrize("judged", [True, False], ids=["some are judged", "none is judged"])
def test_trls_own_trainer_learns_from_what_is_judged_alone(judged: bool, tmp_path: Path) -> None:
    model, tokenizer = tiny_policy()
    seen: list[int] = []

    def reward(completions: list[str], **columns: Any) -> list[float | None]:
        seen.append(len(completions))
        return [None if i % 2 or not judged else float(i) for i in range(len(completions))]

    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    rows = [{"prompt": f"question {i}"} for i in range(8)]
    trainer = GRPOTrainer(
        model=model,
        args=config(tmp_path, max_steps=2, learning_rate=0.01, logging_steps=1, save_strategy="no"),
        reward_funcs=[reward],
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    assert len(seen) == 2
    moved = [float((parameter.detach() - before[name]).abs().max()) for name, parameter in model.named_parameters()]
    assert all(map(torch.isfinite, map(torch.tensor, moved)))
    assert (max(moved) > 0) is judged


def test_a_training_without_verdicts_is_stopped_and_told_why() -> None:
    alarms = Alarms(64)
    row = {"train/largest_advantage": 0.0, "train/undecided": 0.9}
    with pytest.raises(TrainingFailure, match="90% of the completions have no verdict; see the warnings"):
        for step in range(CONSTANT_LOGS):
            alarms.check(step, row)
