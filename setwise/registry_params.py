"""Params of what becomes of an evaluated model: who challenges, what the gate asks of it, how it is served."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from setwise.section import Section

Percent = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]
Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)] | Percent


class RegistryParams(Section):
    """The champion is replaced only by a challenger that the gate lets through (`setwise.registry.gate`).

    Attributes:
        method: whose model challenges; null: the one that states most, which `setwise ask` asks too.
        metric: what the challenger must be better in, on the same questions, with its 95% interval beyond 0.
            `pass_at_1` is a hit anywhere in the set, and so defined for sets of any size.
        guards: metrics that may be worse than the champion's by this much at most: a number in the metric's own unit,
            or a percentage of the champion's value.
        require_approval: the flow waits until a person resumes it before a challenger becomes champion.
        approval_hours: after this long without one, the challenger is not promoted.
        temperature: what the served model samples at unless a request says otherwise; 0 is its best set.
        retry: whether the served model asks a second time, sampling, where a completion does not parse.
    """

    method: Literal["rlvr_single", "rlcr_single", "rlvr_multi", "rlcr_multi"] | None = None
    metric: str = "pass_at_1"
    guards: dict[str, Tolerance] = Field(default={"valid_rate": 0.01, "ece_width": 0.02, "tokens_per_question": "10%"})
    require_approval: bool = False
    approval_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24.0
    temperature: Annotated[float, Field(ge=0)] = 0.0
    retry: bool = True

    @field_validator("metric", "guards")
    @classmethod
    def _are_metrics(cls, value: str | dict[str, Tolerance]) -> str | dict[str, Tolerance]:
        from setwise.metrics.catalogue import CATALOGUE, metric

        for name in [value] if isinstance(value, str) else value:
            try:
                better = metric(name).better
            except KeyError:
                raise ValueError(f"no metric {name!r}; there are {', '.join(CATALOGUE)}, with a number for k") from None
            if better is None:
                raise ValueError(f"{name!r} describes the data, not the model; choose another metric")
        return value
