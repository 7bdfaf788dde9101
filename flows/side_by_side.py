"""Stages of the graph run side by side, each as soon as what it reads from is done; what became of them."""

import functools
import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prefect.futures import PrefectFuture

from setwise.errors import InputError
from tasks.dag import StageNode
from tasks.stages import StageOutcome

_STATES = ("ran", "restored", "unchanged")


@dataclass
class Rebuild:
    """What became of each stage, in the order they ended; ``skipped`` names those whose inputs never came to be."""

    outcomes: dict[str, StageOutcome] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[StageOutcome]:
        """The stages that did not end well, the first to fail first."""
        return [outcome for outcome in self.outcomes.values() if outcome.state in ("failed", "stopped")]

    @property
    def exit_code(self) -> int:
        """0 if all is up to date, 2 if a stage refused its input, 1 for any other failure."""
        if any(outcome.bad_input for outcome in self.failed):
            return InputError.exit_code
        return 1 if self.failed or self.skipped else 0

    def summary(self) -> str:
        """One line: how many stages were run, restored or left, or why it ended early."""
        if self.failed:
            first = next((outcome for outcome in self.failed if outcome.bad_input), self.failed[0])
            return f"{first.stage}: {first.message}"
        counts = {state: sum(o.state == state for o in self.outcomes.values()) for state in _STATES}
        if counts["unchanged"] == len(self.outcomes):
            return f"nothing to do: all {len(self.outcomes)} stages unchanged"
        return "stages: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def run_stages(dag: tuple[StageNode, ...], max_parallel: int, run: Callable[..., PrefectFuture[Any]]) -> Rebuild:
    """Run stages as soon as what they read from is done, at most ``max_parallel`` at a time.

    A failed stage stops what depends on it and nothing else; after bad input no further stage is started.
    ``run(node, known_unchanged, upstream_futures)`` starts one stage.
    """
    rebuild = Rebuild()
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    futures: dict[str, PrefectFuture[Any]] = {}
    waiting = list(dag)
    while True:
        running = len(futures) - len(rebuild.outcomes)
        ready = [node for node in waiting if all(_is_done(rebuild, name) for name in node.upstream)]
        halted = any(outcome.bad_input or outcome.state == "stopped" for outcome in rebuild.failed)
        for node in () if halted else ready[: max_parallel - running]:
            waiting.remove(node)
            untouched = all(rebuild.outcomes[name].state == "unchanged" for name in node.upstream)
            future = run(node, not node.changed and untouched, [futures[name] for name in node.upstream])
            future.add_done_callback(functools.partial(_note, ended, node.name))
            futures[node.name] = future
            running += 1
        if not running:
            break
        name = ended.get()
        rebuild.outcomes[name] = _outcome(name, futures[name])
    rebuild.skipped = [node.name for node in waiting]
    return rebuild


def _note(ended: queue.SimpleQueue[str], name: str, _future: PrefectFuture[Any]) -> None:
    ended.put(name)


def _is_done(rebuild: Rebuild, name: str) -> bool:
    return name in rebuild.outcomes and rebuild.outcomes[name].state in _STATES


def _outcome(name: str, future: PrefectFuture[Any]) -> StageOutcome:
    future.wait()
    outcome = future.state.result(raise_on_failure=False)
    if isinstance(outcome, StageOutcome):
        return outcome
    return StageOutcome(name, "failed", 0.0, future.state.message or repr(outcome), 1)
