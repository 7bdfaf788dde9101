"""A model version's card: what it is, what it was made from, how well it does, and what it is not for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from setwise.evaluation.report import MetricsReport
from setwise.metrics.catalogue import chief_names, metric
from setwise.params import Params

_FIGURES = ("value", "lo", "hi")


@dataclass(frozen=True)
class Card:
    """What a version says of itself.

    Attributes:
        domain, method, k, seed: what was trained.
        weights: sha256 of the weights.
        data: split → sha256 of the prepared file.
        questions: digest of the evaluated questions; their number is `n_questions`.
        metrics: name → value, lo, hi (95% interval): what the gate looks at, and the few that stand for a run.
        invalid: why completions were invalid → how many.
        temperature: sampled at in the evaluation.
        served_temperature: sampled at when served, unless a request says otherwise.
    """

    domain: str
    method: str
    k: int
    seed: int
    weights: str
    data: Mapping[str, str]
    questions: str
    n_questions: int
    metrics: Mapping[str, Mapping[str, float | None]]
    invalid: Mapping[str, int]
    temperature: float
    served_temperature: float

    @classmethod
    def of(cls, params: Params, method: str, data: Mapping[str, str], report: MetricsReport) -> Card:
        """The card of an evaluated model."""
        answers = report["answers"]
        names = (params.registry.metric, *params.registry.guards, *chief_names(answers))
        measured = report["metrics"]
        shown = [name for name in dict.fromkeys(names) if measured.get(name, {}).get("value") is not None]
        return cls(
            domain=params.domain.name,
            method=method,
            k=answers,
            seed=params.seed,
            weights=report["key"]["weights"],
            data=dict(data),
            questions=report["key"]["questions"],
            n_questions=report["n_questions"],
            metrics={name: {part: measured[name][part] for part in _FIGURES} for name in shown},
            invalid=dict(report["invalid"]["reasons"]),
            temperature=report["key"]["sampling"]["temperature"],
            served_temperature=params.registry.temperature,
        )

    def tags(self) -> dict[str, str]:
        """The card as tags of the version: each simple field its own, the others as JSON."""
        fields: dict[str, Any] = asdict(self)
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        return {f"setwise.{name}": text for name, text in texts.items()}

    def limits(self) -> list[str]:
        """What the figures do not say, one sentence each."""
        found = [
            f"Asked {self.n_questions} questions of `{self.domain}`, once each, at temperature {self.temperature:g}; "
            f"served at {self.served_temperature:g} unless a request says otherwise.",
            f"Trained on `{self.domain}` alone: what it answers to other questions, and how sure it says it is, "
            "means nothing.",
        ]
        if "set_brier" not in self.metrics:
            found.append("States no confidences: the order of its answers is the order in which it gave them.")
        if self.invalid:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.invalid.items()))
            found.append(f"Completions that were no valid set: {reasons}.")
        return found

    def to_markdown(self) -> str:
        """The card as the version's description."""
        rows = [f"| {metric(name).label} | {_figure(entry)} |" for name, entry in self.metrics.items()]
        made = [f"- weights sha256 `{self.weights}`"]
        made += [f"- `{split}` sha256 `{digest}`" for split, digest in self.data.items()]
        return "\n".join(
            [
                f"**{self.method}** with sets of {self.k}, seed {self.seed}, domain {self.domain}",
                "",
                "| metric | value [95% interval] |",
                "|---|---|",
                *rows,
                "",
                "Made from",
                "",
                *made,
                "",
                "Limits",
                "",
                *(f"- {limit}" for limit in self.limits()),
            ]
        )


def _figure(entry: Mapping[str, float | None]) -> str:
    interval = "" if entry["lo"] is None else f" [{entry['lo']:.4f}, {entry['hi']:.4f}]"
    return f"{entry['value']:.4f}{interval}"
