"""The base of every section of `params.yaml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the params: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
