"""Train one method, resumably: checkpoints, the curve, a held-out score at each checkpoint, the best weights kept."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from setwise.domains import Example, get_domain
from setwise.engines import Sampling
from setwise.engines.transformers import TransformersEngine
from setwise.errors import InputError
from setwise.methods import get_method
from setwise.params import Params
from setwise.policy import load_policy
from setwise.prompts import build_prompt
from setwise.tracking import Run, TrackingError
from setwise.training.alarms import Alarms, TrainingFailure
from setwise.training.checkpoints import (
    Progress,
    kept_weights,
    newest_whole,
    prune,
    read_progress,
    seal,
    step_of,
    write_progress,
)
from setwise.training.curve import Curve
from setwise.training.processes import is_main, is_sharded, share, wait_for_all, whole_model
from setwise.training.rl import SetTrainer, log_every, make_trainer
from setwise.training.scale import SCORED_AT_ONCE, merge_adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger("setwise.training")

_LIVE_SECONDS = 5.0


@dataclass(frozen=True)
class Trained:
    """What training left: the folder with the best weights, where they were best, and how long it took.

    Attributes:
        steps, seconds: of the whole training; what was lost to a kill does not count.
        resumed_from, resumed_seconds: the part of them that earlier processes did.
    """

    weights: Path
    best_step: int
    best_score: float
    steps: int
    seconds: float
    resumed_from: int
    resumed_seconds: float


def check_questions(count: int, params: Params) -> None:
    """`InputError` where `count` training questions, less those held out, are too few for one step."""
    train = params.train
    if count - train.held_out < train.prompts_per_step:
        raise InputError(
            f"params.yaml: train.held_out: {train.held_out} of {count} training questions leave "
            f"{max(0, count - train.held_out)} to train on, and train.prompts_per_step takes {train.prompts_per_step}; "
            "lower one of them"
        )


def train_method(
    params: Params,
    method: str,
    policy: Path,
    examples: Sequence[Example],
    workdir: Path,
    run: Run | None,
    saved: Callable[[], None] = lambda: None,
) -> Trained:
    """Train `method` from the weights in `policy`; goes on from the newest whole checkpoint in `workdir`.

    The last `params.train.held_out` examples are not trained on; the weights that score best on them are kept.

    Args:
        saved: called after each checkpoint, in every process, once it is whole.

    Raises:
        InputError: too few questions are left for one step.
        TrainingFailure: the loss is no number, the reward is dead, or validity collapsed.
        TrackingError: `run` could not be reached at the end; started again, only its curve is sent.
    """
    started = time.monotonic()
    check_questions(len(examples), params)
    last = len(examples) - params.train.held_out
    trained_on, held_out = examples[:last], examples[last:]
    trust = params.model.trust_remote_code
    model, tokenizer = load_policy(policy, dtype=params.model.dtype, trust_remote_code=trust)
    checkpoint, progress = share(_read_checkpoint(workdir) if is_main() else (None, Progress()))
    began, done = started - progress.seconds, step_of(checkpoint) if checkpoint else 0
    curve = _open_curve(workdir, run, done) if is_main() else None
    if checkpoint:
        log.info("%s: going on from step %d of %d", method, done, params.train.steps)
    keeper = Keeper(method, params, curve, HeldOut(params, method, held_out, tokenizer), workdir, tokenizer, saved)
    trainer = make_trainer(model, tokenizer, trained_on, get_method(method), params, workdir, [keeper])
    keeper.start(trainer, progress, began)
    trainer.finished_epochs = done // (len(trained_on) // params.train.prompts_per_step)
    steps = done
    if done < params.train.steps and not keeper.is_patience_over(done):
        _run(trainer, checkpoint)
        steps = trainer.state.global_step
    if curve is not None and not curve.flush():
        raise TrackingError(f"{curve.away}; {method} is trained and waits in {workdir} for a run to send its curve")
    best, score = keeper.progress.best_step, keeper.progress.best_score
    weights = _best_weights(best, policy, workdir, params)
    return Trained(weights, best, score, steps, time.monotonic() - began, done, progress.seconds)


def _best_weights(step: int, policy: Path, workdir: Path, params: Params) -> Path:
    """The folder to hand over: what was kept at `step`, by the main process merged into the policy where it must be."""
    if not step:
        raise TrainingFailure(
            "no held-out question had a verdict at any checkpoint, so there are no best weights; see the warnings for "
            "the checks that failed, mend what they name, and train again"
        )
    weights = kept_weights(workdir, step)
    return merge_adapter(policy, weights, workdir / "merged", params) if is_main() else weights


def _read_checkpoint(workdir: Path) -> tuple[Path | None, Progress]:
    """The newest whole checkpoint, and what training had come to there."""
    checkpoint = newest_whole(workdir)
    return checkpoint, read_progress(checkpoint)


def _open_curve(workdir: Path, run: Run | None, done: int) -> Curve:
    """The curve as it was at step `done`."""
    curve = Curve(workdir / "curve.jsonl", run)
    curve.resume(done)
    return curve


def _run(trainer: SetTrainer, checkpoint: Path | None) -> None:
    """Train; sampling from a policy that has become no number is told as what it is."""
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except TrainingFailure:
        raise
    except RuntimeError as error:
        if _is_finite(trainer.accelerator.unwrap_model(trainer.model)):
            raise
        step = trainer.state.global_step
        raise TrainingFailure(f"step {step}: the weights are no numbers; lower train.learning_rate") from error


def _is_finite(model: Any) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())


class HeldOut:
    """Scores a policy by its mean reward on held-out questions, one sampled completion each."""

    def __init__(
        self, params: Params, method: str, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase
    ) -> None:
        instruction = get_domain(params.domain.name).instruction
        layout = get_method(method).layout(params.k)
        self.golds = [example.to_gold() for example in examples]
        self.prompts = [build_prompt(e.question, layout, tokenizer, instruction) for e in examples]
        self.sampling = Sampling(
            params.train.temperature, max_tokens=params.train.max_completion_tokens, seed=params.seed
        )
        self.tokenizer = tokenizer
        self.at_once = params.scale.generation_batch or SCORED_AT_ONCE

    def __call__(self, model: PreTrainedModel, reward: Any) -> float | None:
        """The mean reward of `model` (None but in the main process); the random generators are left as they were.

        None, too, where there is a verdict on no completion.
        """
        import torch

        training = model.training
        with torch.random.fork_rng():
            engine = TransformersEngine(model, self.tokenizer, self.at_once)
            texts = [drawn[0].text for drawn in engine.generate(self.prompts, self.sampling)]
        model.train(training)
        if not is_main():
            return None
        totals = [part.total for part in reward.breakdown(texts, self.golds) if part.decided]
        if len(totals) < len(texts):
            log.warning("held-out questions: %d of %d have no verdict", len(texts) - len(totals), len(texts))
        return sum(totals) / len(totals) if totals else None


class Keeper(TrainerCallback):
    """Writes the curve, a live line, sealed checkpoints and the best weights; stops a training that went wrong."""

    def __init__(
        self,
        method: str,
        params: Params,
        curve: Curve | None,
        score: Callable[[Any, Any], float | None],
        workdir: Path,
        tokenizer: PreTrainedTokenizerBase,
        saved: Callable[[], None],
    ) -> None:
        self.method = method
        self.params = params.train
        self.curve = curve
        self.score = score
        self.workdir = workdir
        self.tokenizer = tokenizer
        self.saved = saved
        self.alarms = Alarms(params.train.prompts_per_step * log_every(params.train.steps))
        self._live = time.monotonic()

    def start(self, trainer: SetTrainer, progress: Progress, began: float) -> None:
        """Attach the trainer, whose model and reward are scored, at the checkpoint that had come to `progress`.

        Args:
            began: when, on the monotonic clock, a training without interruption would have begun.
        """
        self.trainer = trainer
        for row in self.curve.rows if self.curve is not None else ():
            self.alarms.check(int(row["step"]), row)
        self.progress = progress
        self._began = began

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Add a row to the curve."""
        if not logs or "reward" not in logs:
            return
        row = {f"train/{key.removeprefix(f'{self.method}/')}": value for key, value in logs.items()}
        row = {k: v for k, v in row.items() if isinstance(v, int | float)}
        row["train/largest_advantage"] = max(map(abs, self.trainer._logs["advantages"]), default=0.0)
        if self.curve is not None:
            self.curve.add(state.global_step, row)
        self.alarms.check(state.global_step, {k: float(v) for k, v in row.items()})
        if self.curve is None:
            return
        if time.monotonic() - self._live >= _LIVE_SECONDS or state.global_step == state.max_steps:
            self._live = time.monotonic()
            shown = {k: row[f"train/{k}"] for k in ("reward", "valid", "coverage", "brier") if f"train/{k}" in row}
            text = ", ".join(f"{k} {v:.3f}" for k, v in shown.items())
            log.info("%s: step %d of %d: %s", self.method, state.global_step, state.max_steps, text)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Score the policy on held-out questions, keep it if it is the best, seal the checkpoint, drop older ones."""
        trainer, step = self.trainer, state.global_step
        with whole_model(trainer) as model:
            if not _is_finite(model):
                raise TrainingFailure(f"step {step}: the weights are no numbers; lower train.learning_rate")
            score = share(self.score(model, trainer.reward_funcs[0]))
        checkpoint = Path(args.output_dir) / f"checkpoint-{step}"
        if score is not None and score > self.progress.best_score:
            self.progress = Progress(step, score)
            self._keep_best()
        elif self.is_patience_over(step):
            log.info("%s: no better score for %d checkpoints; stopping early", self.method, self.params.patience)
            control.should_training_stop = True
        wait_for_all()
        if self.curve is not None:
            self.curve.add(step, {} if score is None else {"train/held_out_reward": score})
            write_progress(checkpoint, replace(self.progress, seconds=time.monotonic() - self._began))
            seal(checkpoint)
            prune(self.workdir)
            self.curve.flush()
        self.saved()

    def is_patience_over(self, step: int) -> bool:
        """Whether at `step`, that of a checkpoint, the best score is `train.patience` checkpoints old."""
        since = (step - self.progress.best_step) // self.trainer.args.save_steps
        return bool(self.params.patience and self.progress.best_step and since >= self.params.patience)

    def _keep_best(self) -> None:
        """Write the weights to the checkpoint of the step, as those that are handed over if none is better."""
        trainer = self.trainer
        weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if is_sharded(trainer) else None
        if not is_main():
            return
        folder = kept_weights(self.workdir, self.progress.best_step)
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(folder, state_dict=weights)
        self.tokenizer.save_pretrained(folder)
        best = {"step": self.progress.best_step, "score": self.progress.best_score}
        (folder / "best.json").write_text(json.dumps(best), encoding="utf-8")
