"""The Prefect task that asks the champion again, and what it found."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.paths import split_path
from setwise.errors import InputError

if TYPE_CHECKING:
    from setwise.domains import Example
    from setwise.params import Params

Row = dict[str, str]
Figure = dict[str, float | None]


@dataclass(frozen=True)
class Look:
    """The champion's figures now beside those of its card; each is value, lo and hi (95% interval)."""

    model: str
    version: str
    asked: str
    n_questions: int
    now: dict[str, Figure]
    card: dict[str, Figure]
    lower_is_better: frozenset[str]

    @property
    def worse(self) -> list[str]:
        """Metrics whose interval lies wholly on the worse side of the card's."""
        return [name for name in self.now if name in self.card and self._is_worse(name)]

    def _is_worse(self, name: str) -> bool:
        now, card = self.now[name], self.card[name]
        lo, hi, was_lo, was_hi = now["lo"], now["hi"], card["lo"], card["hi"]
        if lo is None or hi is None or was_lo is None or was_hi is None:
            return False
        return lo > was_hi if name in self.lower_is_better else hi < was_lo

    def line(self) -> str:
        """One line."""
        found = f"worse than on its card in {', '.join(self.worse)}" if self.worse else "nothing worse than on its card"
        return f"{self.model} version {self.version}, {self.n_questions} {self.asked} questions: {found}"

    def rows(self) -> list[Row]:
        """One row a metric."""
        return [
            {
                "metric": name,
                "card": _cell(self.card.get(name)),
                "now": _cell(figure),
                "worse": "yes" if name in self.worse else "no",
            }
            for name, figure in self.now.items()
        ]


def _cell(figure: Figure | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    return f"{figure['value']:.4f}" + ("" if figure["lo"] is None else f" [{figure['lo']:.4f}, {figure['hi']:.4f}]")


@task(task_run_name="ask the champion again", persist_result=False, cache_policy=NO_CACHE)
def evaluate_again(workspace: Path, params: "Params", fresh: bool, seed: int | None) -> Look:
    """Have the champion answer the test split or fresh questions; log the figures to its MLflow run.

    Raises InputError when there is no champion, or the domain has no further questions.
    """
    import json
    import time

    from setwise.domains.parquet import read_examples
    from setwise.metrics.catalogue import metric
    from setwise.registry import ask_again
    from setwise.tracking import Run, get_client, model_name, said_in_one_line

    drawn_by = seed if seed is not None else int(datetime.now(UTC).strftime("%Y%m%d"))
    examples = (
        fresh_questions(workspace, params, drawn_by) if fresh else read_examples(workspace / split_path(params, "test"))
    )
    with said_in_one_line(files=False):
        champion, report = ask_again(params, examples, workspace)
    card = json.loads(champion.tags["setwise.metrics"])
    now = {name: {part: report["metrics"][name][part] for part in ("value", "lo", "hi")} for name in card}
    values = {name: figure["value"] for name, figure in now.items() if figure["value"] is not None}
    asked = f"fresh (seed {drawn_by})" if fresh else "test"
    run = Run(get_client(workspace), str(champion.run_id))
    run.log_metrics({f"champion/{name}": value for name, value in values.items()}, step=int(time.time()))
    lower = frozenset(name for name in now if metric(name).better == "lower")
    return Look(model_name(params.domain.name), str(champion.version), asked, len(examples), now, card, lower)


def fresh_questions(workspace: Path, params: "Params", seed: int) -> "list[Example]":
    """As many questions as the test split has, drawn by ``seed``; none that any prepared split holds (see `Known`).

    Raises InputError when none is left, as where a domain reads its rows from fixed files.
    """
    from setwise.domains import get_domain
    from setwise.domains.known import Known
    from setwise.domains.parquet import read_examples

    domain = get_domain(params.domain.name)
    files = sorted((workspace / split_path(params, "test")).parent.glob("*.parquet"))
    known = Known.of(domain, {path.stem: read_examples(path) for path in files})
    drawn = domain.load(params.domain, seed).splits["test"]
    found = [example for example in drawn if known.holder(example) is None]
    if not found:
        raise InputError(
            f"domain {params.domain.name}: seed {seed} brings no question that is not prepared already; "
            "take a new release with refresh-data, and ask the test split"
        )
    return found
